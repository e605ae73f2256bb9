"""Do ten modest clients notice a neighbour that sends wrong keys as fast as it can, or one that takes all it can get?

    python3 bench/neighbours.py [ROUNDS [SECONDS]]
        needs a release build of loadtest, and wrk; by default 5 rounds of 3 s

Each case has a fresh producer with a file of keys on one broker, in each round. Ten clients of the lab, with the key of
one caller, send 20 posts a second each: alone, and beside wrk on one thread. It sends wrong keys on 1,000 connections,
or posts under a key of its own on 256. It yields the cores to all others, as if it had a machine of its own, and also
has a turn at another server (the bare one of the lab) with the same number of connections: what that costs the modest
clients is not the producer's doing. Figures are latencies of the modest clients in ms; ratios are of turns in the same
round.
"""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

from generators import WRK_SCRIPT, bare, output, spread
from performance import producer
from processes import LOADTEST
from stalls import broker_behind

LIMIT = "2000/s"
# What the neighbour is; its connections, its key, the producer's rate, and whether it is at another server.
CASES = (
    ("wrong keys", 1_000, "wrong", {}, False),
    ("1,000 connections elsewhere", 1_000, "wrong", {}, True),
    ("greedy", 256, "greedy", {}, False),
    (f"greedy, RATE_LIMIT={LIMIT}", 256, "greedy", {"RATE_LIMIT": LIMIT}, False),
    ("256 connections elsewhere", 256, "greedy", {}, True),
)
PERCENTILES = ("p50", "p99")


def main(rounds=5, seconds=3):
    found = {case[0]: [] for case in CASES}
    with tempfile.TemporaryDirectory() as folder, broker_behind(0) as broker, bare() as (elsewhere, _):
        keys = key_file(folder, "modest", "greedy")
        for _ in range(rounds):
            for name, connections, key, settings, is_elsewhere in CASES:
                with producer(broker, API_KEYS_FILE=keys, **settings) as (url, _):
                    quiet = modest(url, seconds, folder)
                    with neighbour(elsewhere if is_elsewhere else url, connections, key, folder) as rate:
                        beside = modest(url, seconds, folder)
                found[name].append((quiet, beside, rate[0]))
    width = max(map(len, found))
    print(f"\n{'':{width}}" + "".join(f"{name + ' alone':>24}{'beside':>24}{'ratio':>22}" for name in PERCENTILES))
    for name, turns in found.items():
        cells = ""
        for percentile in PERCENTILES:
            quiet, beside = ([turn[place][percentile] for turn in turns] for place in (0, 1))
            ratios = [b / q for q, b in zip(quiet, beside)]
            cells += f"{spread(quiet, 1):>24}{spread(beside, 1):>24}{spread(ratios, 2):>22}"
        print(f"{name:{width}}{cells}   the neighbour sends {spread([turn[2] for turn in turns], 0)}/s")


def key_file(folder, *callers):
    """Each caller's key is his name."""
    path = os.path.join(folder, "keys.json")
    hashed = lambda name: f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
    with open(path, "w") as file:
        json.dump([{"name": name, "hash": hashed(name)} for name in callers], file)
    return path


def modest(url, seconds, folder):
    load = ("--vus", "10", "--rate", "200", "--warm-up", "1s", "--duration", f"{seconds + 1}s", "--no-reconcile")
    key = ("-H", "X-API-Key: modest", "--threshold", "failed==0%")
    output((LOADTEST, "--target", url, *load, *key, "--plain", "--report", folder))
    with open(os.path.join(folder, "report.json")) as file:
        return json.load(file)["latency_ms"]


@contextlib.contextmanager
def neighbour(url, connections, key, folder):
    """wrk until the end of this; then the list has its rate of answers, whatever they are."""
    script, rate = os.path.join(folder, "neighbour.lua"), []
    with open(script, "w") as file:
        file.write(WRK_SCRIPT + f'wrk.headers["x-api-key"] = "{key}"\n')
    command = ("chrt", "--idle", "0", "wrk", "-t1", f"-c{connections}", "-d60s", "-s", script, url)
    wrk = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield rate
    finally:
        # It prints what it has measured by then.
        wrk.send_signal(signal.SIGINT)
        rate.append(float(re.search(r"Requests/sec: +(\S+)", wrk.communicate()[0])[1]))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
