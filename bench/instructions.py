"""Has a core's count of instructions changed from bench/instructions.json? Counts the cores in the `benches/` of
contract, kafka and consumer.

    python3 bench/instructions.py
        fails if a count is off by more than 5 %, or 20 % with another compiler than the baseline's; needs valgrind,
        and builds what it counts
    python3 bench/instructions.py --accept
        writes the counts into bench/instructions.json instead

On one machine with one compiler, a count is the same in every run. Another compiler, another C library (its `memcpy`)
or a CPU without AVX2 changes it, hence the tolerance. A count that has shrunk fails, too: with an old baseline it could
grow back unnoticed. Each core runs in a process of its own, so that none depends on the previous ones.
"""

import concurrent.futures
import json
import os
import platform
import re
import shutil
import subprocess
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BASELINE = os.path.join(ROOT, "bench/instructions.json")
TOLERANCE = 0.05
# A change must not fail because of a new compiler.
TOLERANCE_ANOTHER_RUSTC = 0.20
# The lab has no benches. It is named so that the dependencies get the features of its own build, and few are built a
# second time.
PACKAGES = ("contract", "kafka", "consumer", "loadtest")
# Only instructions within this function of bench/src/lib.rs count.
COUNTED = "*bench*counted*"


def main(arguments):
    if arguments not in ([], ["--accept"]):
        sys.exit(__doc__)
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing: apt-get install valgrind")
    cores = [
        (package, program, name) for package, program in programs() for name in output((program, "--list")).splitlines()
    ]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = list(pool.map(lambda core: count(*core[1:]), cores))
    found = {}
    for (package, _, name), instructions in zip(cores, counts):
        found.setdefault(package, {})[name] = instructions
    found = {"machine": platform.machine(), "rustc": output(("rustc", "--version")).split()[1], "instructions": found}
    if arguments:
        with open(BASELINE, "w") as file:
            file.write(json.dumps(found, indent=2) + "\n")
    else:
        with open(BASELINE) as file:
            judge(found, json.load(file))


def programs():
    """The crate and the path of each bench program, built."""
    packages = [argument for package in PACKAGES for argument in ("-p", package)]
    command = (
        "cargo",
        "bench",
        "--locked",
        "--no-run",
        "--bench",
        "cores",
        "--message-format=json-render-diagnostics",
        *packages,
    )
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if built.returncode != 0:
        sys.exit("the benches do not build")
    artifacts = [
        message for message in map(json.loads, built.stdout.splitlines()) if message["reason"] == "compiler-artifact"
    ]
    benches = [artifact for artifact in artifacts if artifact["target"]["kind"] == ["bench"]]
    return [
        (os.path.relpath(bench["target"]["src_path"], ROOT).split(os.sep)[0], bench["executable"]) for bench in benches
    ]


def count(program, name):
    valgrind = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--toggle-collect={COUNTED}")
    printed = output((*valgrind, program, "--once", name))
    instructions = int(re.search(r"Collected : (\d+)", printed)[1])
    assert instructions > 0, f"no instructions of {name} were counted: {printed}"
    return instructions


def judge(found, baseline):
    if found["machine"] != baseline["machine"]:
        print(f"not judged: the baseline was counted on {baseline['machine']}, this is {found['machine']}")
        baseline = found
    flat = lambda counts: {
        (package, name): value for package, cores in counts["instructions"].items() for name, value in cores.items()
    }
    now, before = flat(found), flat(baseline)
    tolerance, errors = TOLERANCE, []
    if found["rustc"] != baseline["rustc"]:
        print(f"the baseline has rustc {baseline['rustc']}, these counts {found['rustc']}")
        tolerance = TOLERANCE_ANOTHER_RUSTC
    print(f"{'':52}{'baseline':>12}{'now':>12}")
    for core in sorted(now.keys() | before.keys()):
        title = ": ".join(core)
        if core not in before:
            errors.append(f"{title} has no baseline")
        elif core not in now:
            errors.append(f"{title} is in the baseline but not in the benches")
        else:
            change = now[core] / before[core] - 1
            print(f"{title:52}{before[core]:12,}{now[core]:12,}{change:+10.1%}")
            if abs(change) > tolerance:
                verb = "grew" if change > 0 else "shrank"
                errors.append(
                    f"{title} {verb} by {abs(change):.1%}, from {before[core]:,} to {now[core]:,} instructions"
                )
    if errors:
        errors.append(
            f"The limit is {tolerance:.0%}. If the change is wanted: python3 bench/instructions.py --accept"
        )
        sys.exit("\n".join(errors))


def output(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
