"""Checks docker-compose.yml, alone and with docker-compose.secure.yml over it: names every container that is not
hardened, every port that more than this machine could reach, and every secret that nobody or a wrong user could read.
Fails if there is one.

    compose.py             checks
    compose.py owners      prints each secret's file and the user whose container reads it, for .ci/secure-files

Runs in target/ci-tools/venv, which has a YAML parser.
"""

import re
import sys

from ruamel.yaml import YAML

# All interfaces: the clients' ports.
FOR_CLIENTS = {"${PRODUCER_HOST_PORT:-3000}:3000", "${SUBMISSIONS_HOST_PORT:-8000}:8000"}
# This machine alone, by a port that can be set, or by any free one.
FOR_OPERATORS = re.compile(r"127\.0\.0\.1:(\$\{[A-Z_]+_HOST_PORT:-\d+\})?:\d+")
# Its image has a user of its own, and no volume or secret that would have to be that user's.
WITHOUT_USER = {"kafka-ui"}


def load(path):
    with open(path, encoding="utf-8") as file:
        return YAML(typ="safe", pure=True).load(file)


def weaknesses(name, service):
    """What is missing in a container that stands alone: not one that the overlay changes."""
    expected = {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    for key, value in expected.items():
        if service.get(key) != value:
            yield f"{key} is not {value}"
    for key in ("mem_limit", "pids_limit"):
        if key not in service:
            yield f"{key} is missing"
    if service.get("logging", {}).get("options", {}).keys() < {"max-size", "max-file"}:
        yield "its log grows without a limit"
    if "cap_add" in service or service.get("privileged"):
        yield "it has more rights than none"
    user = service.get("user")
    if name not in WITHOUT_USER and (user is None or user.split(":")[0] in ("0", "root")):
        yield "it runs as root, or as nobody knows whom"


def open_ports(service):
    for port in service.get("ports", []):
        if port not in FOR_CLIENTS and not FOR_OPERATORS.fullmatch(str(port)):
            yield f"port {port}: not on 127.0.0.1 alone, or without a variable"


def main():
    base, overlay = load("docker-compose.yml"), load("docker-compose.secure.yml")
    problems = []
    readers = {}
    for name, service in base["services"].items():
        problems += [f"{name}: {problem}" for problem in [*weaknesses(name, service), *open_ports(service)]]
    for name, changes in overlay["services"].items():
        if name not in base["services"]:
            problems += [f"{name}: {problem}" for problem in weaknesses(name, changes)]
        problems += [f"{name}: {problem}" for problem in open_ports(changes)]
        undone = changes.keys() & {"read_only", "cap_drop", "security_opt", "user", "mem_limit", "pids_limit"}
        if name in base["services"] and undone:
            problems.append(f"{name}: the overlay changes {sorted(undone)}")
        user = changes.get("user") or base["services"].get(name, {}).get("user")
        secrets = changes.get("secrets", [])
        used = {word for word in re.findall(r"/run/secrets/([\w.-]+)", repr(changes))}
        for secret in used - set(secrets):
            problems.append(f"{name}: it uses {secret}, and does not have it")
        for secret in secrets:
            readers.setdefault(secret, set()).add(str(user).split(":")[0])
    for secret, definition in overlay["secrets"].items():
        if definition["file"] != "${SECRETS_DIR:-./examples/secure/secrets}/" + secret:
            problems.append(f"secret {secret}: another file, {definition['file']}")
        if secret not in readers:
            problems.append(f"secret {secret}: nobody has it")
    for secret, users in readers.items():
        if secret not in overlay["secrets"]:
            problems.append(f"secret {secret}: there is no such secret")
        if len(users) > 1 and secret != "ca.pem":
            problems.append(f"secret {secret}: only one user can own it, and it is read by {sorted(users)}")
    if sys.argv[1:] == ["owners"]:
        for secret, users in sorted(readers.items()):
            print(secret, *sorted(users))
        return 0
    print("\n".join(problems))
    return 1 if problems else 0


sys.exit(main())
