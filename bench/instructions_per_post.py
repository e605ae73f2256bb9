"""How many instructions does a post take in the whole producer, beside another build of it?

    python3 bench/instructions_per_post.py BEFORE AFTER [ROUNDS]
        two programs `producer`, built alike (`cargo build --release -p producer`); needs valgrind, and a release
        build of loadtest; by default 3 rounds

Each turn has a fresh producer under callgrind, whose instructions in user space are counted, on one broker; 16 users
of the lab send it a fixed number of posts. The start and the end of the process are left out: what counts is the
difference between two turns with other numbers of posts. How many posts share a batch depends on the moment, hence
turns.
"""

import re
import signal
import subprocess
import sys
import tempfile

from generators import output, spread
from processes import LOADTEST, child, end, text, wait
from stalls import broker_behind

PORT = 3900
FEW, MANY = 2_000, 8_000
# A producer under valgrind is forty times as slow.
PATIENT = {"PRODUCER_TIMEOUT": "60s", "STOP_GRACE": "60s", "HEADER_TIMEOUT": "60s", "BODY_TIMEOUT": "60s"}


def main(before, after, rounds="3"):
    found = {before: [], after: []}
    with broker_behind(0) as broker, tempfile.TemporaryDirectory() as folder:
        for _ in range(int(rounds)):
            for program in found:
                few, many = (instructions(program, broker, posts, folder) for posts in (FEW, MANY))
                found[program].append((many - few) / (MANY - FEW))
    for program, figures in found.items():
        print(f"{program}: {spread(figures, 0)} instructions a post")
    print(f"after / before: {spread([a / b for b, a in zip(found[before], found[after])], 3)}")


def instructions(program, broker, posts, folder):
    own = {"KAFKA_BROKER": broker, "HOST": "127.0.0.1", "PORT": str(PORT), "ADMIN_PORT": str(PORT + 1), "LOG": "warn"}
    counting = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program)
    with child(counting, {**own, **PATIENT}) as process:
        ready = ("curl", "-fs", f"http://127.0.0.1:{PORT + 1}/readyz")
        wait("the producer", lambda: subprocess.run(ready, capture_output=True).returncode == 0, 60, process)
        load = ("--vus", "16", "--think", "0", "--records", str(posts), "--duration", "10m", "--sample-share", "0")
        judged = ("--no-reconcile", "--threshold", "failed==0%", "--plain", "--report", folder)
        output((LOADTEST, "--target", f"http://127.0.0.1:{PORT}", *load, *judged))
        end(process, signal.SIGTERM)
        return int(re.search(r"Collected : (\d+)", text(process))[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
