"""Runs the clients of examples/ against a live pipeline: once, once more under the same keys, and under new keys while
the broker is frozen for a while, so that they get 503 and must send again. Each must end well, name the same ids for
the same key, and find everything that it names in the store exactly once.

    python3 -u .ci/examples.py
        needs a release build of loadtest, curl, Node, and check-deploy's tsc
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, "bench")
from processes import LOADTEST, addresses, child, end, text, wait

from counters import accepted, counter, stored

TSC = "target/ci-tools/grafana/node_modules/.bin/tsc"
COMPILED = "target/ci-tools/examples"
CLIENTS = {
    "curl": ["sh", "examples/client.sh"],
    "Python": ["python3", "examples/client.py"],
    "TypeScript": ["node", f"{COMPILED}/client.mjs"],
    "Rust": ["target/debug/examples/client"],
}
# How long the broker is frozen: longer than PRODUCER_TIMEOUT, so that requests get 503.
FROZEN_SECONDS = 8


def main():
    build()
    with contextlib.ExitStack() as stack:
        up = stack.enter_context(
            child([LOADTEST, "up", "--stack", "native"], {"KINDS": "post,order", "CONSUMER_BATCH_INTERVAL": "1s"})
        )
        places = wait("the pipeline", lambda: addresses(up), 120, up)
        first = run(places["producer"], "first")
        again = run(places["producer"], "first")
        if first != again:
            sys.exit(f"the same keys have other ids: {first}, {again}")
        broker = broker_of(up)
        os.kill(broker, signal.SIGSTOP)
        try:
            frozen = start(stack, places["producer"], "frozen")
            time.sleep(FROZEN_SECONDS)
        finally:
            os.kill(broker, signal.SIGCONT)
        late = {name: finished(name, process) for name, process in frozen.items()}

        said = [line for lines in (first, late) for client in lines.values() for line in client]
        posts = [word for line in said if line[0] in ("post", "bulk") for word in line[1:]]
        orders = [word for line in said if line[0] == "order" for word in line[1:]]
        # One post and three in a bulk, of each client, twice.
        expected = 2 * len(CLIENTS)
        if (len(set(posts)), len(set(orders))) != (4 * expected, expected):
            sys.exit(f"{len(set(posts))} posts and {len(set(orders))} orders have ids of their own: {said}")
        check(places, len(set(posts)))
        end(up, signal.SIGTERM)


def build():
    subprocess.run(["cargo", "build", "--locked", "--quiet", "-p", "producer", "--example", "client"], check=True)
    subprocess.run(
        [TSC, "examples/client.ts", "--outDir", COMPILED, "--strict", "--erasableSyntaxOnly", "--target", "es2022"]
        + ["--module", "esnext", "--lib", "es2022,dom", "--skipLibCheck"],
        check=True,
    )
    os.replace(f"{COMPILED}/client.js", f"{COMPILED}/client.mjs")


def start(stack, producer, key):
    """All clients at the same time, each under a key of its own."""
    return {
        name: stack.enter_context(child(command, {"BASE_URL": producer, "KEY": f"{key}-{name}-{os.getpid()}"}))
        for name, command in CLIENTS.items()
    }


def run(producer, key):
    with contextlib.ExitStack() as stack:
        return {name: finished(name, process) for name, process in start(stack, producer, key).items()}


def finished(name, client):
    """What it says that it has stored: lines of words."""
    end(client, None)
    lines = [line.split() for line in text(client).splitlines()]
    if [(line[0], len(line)) for line in lines] != [("post", 2), ("order", 2), ("bulk", 4)]:
        sys.exit(f"the client in {name} says:\n{text(client)}")
    print(f"ok       {name}: {lines}")
    return lines


def broker_of(up):
    """The broker that `loadtest up` has started."""
    parents = {}
    brokers = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                parents[int(pid)] = int(file.read().rsplit(")", 1)[1].split()[1])
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
                if "kafka.Kafka" in file.read().split("\0"):
                    brokers.append(int(pid))
    for broker in brokers:
        ancestor = broker
        while ancestor in parents and ancestor != up.pid:
            ancestor = parents[ancestor]
        if ancestor == up.pid:
            return broker
    sys.exit("there is no broker of this pipeline")


def check(places, posts):
    """Waits until everything that was accepted has been stored, and compares what the services have counted."""

    def is_drained():
        # What was not acknowledged in time may be stored, too.
        is_all_stored = all(stored(places, kind) >= accepted(places, kind) for kind in ("post", "order"))
        return is_all_stored and counter(places["consumer_admin"], "ingest_records_stored_total", kind="post") == posts

    wait(f"{posts} posts in the store, and everything accepted with them", is_drained, 60)
    print(f"ok       {posts} posts are stored, each once")
    unavailable = counter(places["producer_admin"], "http_server_request_duration_seconds_count", status="503")
    if unavailable == 0:
        sys.exit("no client got 503, so none has shown that it sends again")
    print(f"ok       {unavailable:.0f} requests got 503 and were sent again")


if __name__ == "__main__":
    main()
