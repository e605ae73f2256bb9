"""What does the audit log cost, beside a producer without one in the same rounds?

    python3 bench/audit_log.py [ROUNDS [SECONDS]]
        needs a release build of loadtest, and wrk; by default 5 rounds of 3 s

Each turn has a fresh producer on one broker, and 64 connections: of wrk, which shows the cost in the producer, and of
the lab as fast as it can, which with --audit-log-file also names each request and notes its answer. The file is in the
directory for temporary files.
"""

import json
import os
import sys
import tempfile

from generators import WRK_SCRIPT, output, print_rows, spread
from performance import producer, turn
from processes import LOADTEST
from stalls import broker_behind

CONNECTIONS = 64
COLUMNS = [
    ("posts/s", "rate", 0, 30),
    ("CPU µs a post", "cpu", 1, 26),
    ("p50 ms", "p50", 2, 24),
    ("p99 ms", "p99", 2, 24),
]
NAMES = ("without", "with")


def main(rounds=5, seconds=3):
    by_wrk, by_lab = {name: [] for name in NAMES}, {name: [] for name in NAMES}
    with tempfile.TemporaryDirectory() as folder, broker_behind(0) as broker:
        path = os.path.join(folder, "audit.log")
        for _ in range(rounds):
            for name in NAMES:
                settings = {"AUDIT_LOG": path} if name == "with" else {}
                with producer(broker, **settings) as (url, pid):
                    by_wrk[name].append(turn(url, pid, CONNECTIONS, WRK_SCRIPT, 1, seconds, folder))
                with producer(broker, **settings) as (url, _):
                    by_lab[name].append(lab(url, ("--audit-log-file", path) if settings else (), seconds, folder))
                if settings:
                    os.remove(path)
    print(f"\n{CONNECTIONS} connections of wrk")
    print_rows(COLUMNS, by_wrk)
    print(f"\nthe lab with {CONNECTIONS} users")
    print_rows([COLUMNS[0]], by_lab)
    for title, found in (("wrk", by_wrk), ("the lab", by_lab)):
        ratios = [b["rate"] / a["rate"] for a, b in zip(*(found[name] for name in NAMES))]
        print(f"posts/s of {title}, with / without: {spread(ratios, 2)}")


def lab(url, audit, seconds, folder):
    load = ("--vus", str(CONNECTIONS), "--think", "0", "--warm-up", "1s", "--duration", f"{seconds + 1}s")
    output((LOADTEST, "--target", url, *load, *audit, "--no-reconcile", "--plain", "--report", folder))
    with open(os.path.join(folder, "report.json")) as file:
        return {"rate": json.load(file)["accepted_per_second"]}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
