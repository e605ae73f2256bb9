"""How does submissions compare with River, graphile-worker and bare loops as a queue of jobs?

    python3 bench/jobs/run.py [--only enqueue,work,latency,memory,rate] [--rounds 3] [--seconds 10] [--quick]
                              [--json FILE] [--submissions PATH] [--loadtest PATH]
        needs a release build of submissions and loadtest, PostgreSQL, wrk, Go and node; installs River and
        graphile-worker into target/bench

All on one machine and one PostgreSQL with durable commits, which it starts, each turn on a fresh database or file. The
measures are in measures.py, the settings of the peers in peers.py. Figures are medians of the rounds, with the lowest
and the highest; ratios are of turns in the same round.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from measures import Bench
from ours import Ours
from postgres import postgres
from report import show

TARGET = os.path.join(HERE, "../../target/release")
PROGRAMS = ("wrk", "psql", "go", "node", "npm")
JOBS, LATENCIES, SLEEP_SECONDS = 200_000, 200, 5
QUICK_JOBS, QUICK_LATENCIES, QUICK_SLEEP_SECONDS, QUICK_SECONDS = 20_000, 20, 2, 2


def main():
    options = arguments()
    if missing := [program for program in PROGRAMS if not shutil.which(program)]:
        sys.exit(f"install {', '.join(missing)}")
    found = {}
    with postgres() as server, copies(options.submissions, options.loadtest) as (submissions, loadtest):
        quick, long = (QUICK_JOBS, QUICK_LATENCIES, QUICK_SLEEP_SECONDS), (options.jobs, LATENCIES, SLEEP_SECONDS)
        sizes = quick if options.quick else long
        measures = Bench(server, Ours(submissions), loadtest, options.seconds, *sizes).measures()
        if unknown := set(options.only) - set(measures):
            sys.exit(f"no such measure: {', '.join(unknown)}; there are {', '.join(measures)}")
        for round in range(options.rounds):
            for measure in options.only or measures:
                # They take turns at going first.
                for subject in list(measures[measure])[:: -1 if round % 2 else 1]:
                    print(f"round {round + 1}, {measure}: {subject}", file=sys.stderr)
                    turn = measures[measure][subject]()
                    found.setdefault(measure, {}).setdefault(subject, []).append(turn)
    found = {measure: {name: turns[name] for name in measures[measure]} for measure, turns in found.items()}
    show(found)
    if options.json:
        with open(options.json, "w") as file:
            machine = {"cores": os.cpu_count(), "system": platform.platform()}
            json.dump({"machine": machine, "options": vars(options), "found": found}, file, indent=2)


@contextlib.contextmanager
def copies(*programs):
    """Copies of the programs, so that all turns measure the same ones whatever is built meanwhile."""
    with tempfile.TemporaryDirectory(prefix="bench-jobs-") as folder:
        paths = [shutil.copy(program, folder) for program in programs]
        for path in paths:
            # `loadtest` builds a program beside it that is older than its sources: these must not look it.
            os.utime(path, (time.time() + 1e6, time.time() + 1e6))
        yield paths


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="these measures")
    parser.add_argument("--rounds", type=int, help="turns of each subject (default: 3)")
    parser.add_argument("--seconds", type=int, help="length of a turn that has one (default: 10)")
    parser.add_argument("--jobs", type=int, default=JOBS, help="jobs of a backlog")
    parser.add_argument("--quick", action="store_true", help="one short round: does it work?")
    parser.add_argument("--json", metavar="FILE", help="write the figures of each turn there, too")
    parser.add_argument("--submissions", metavar="PATH", default=os.path.join(TARGET, "submissions"))
    parser.add_argument("--loadtest", metavar="PATH", help="(default: beside submissions)")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    options.seconds = options.seconds or (QUICK_SECONDS if options.quick else 10)
    options.loadtest = options.loadtest or os.path.join(os.path.dirname(options.submissions), "loadtest")
    return options


if __name__ == "__main__":
    main()
