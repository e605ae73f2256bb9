"""What is measured. Each measure has subjects, and each subject is a function that has a turn and returns figures."""

import contextlib
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import ours
import sqlite
from ours import AT_WORK, FINAL, JOURNAL, OCCUPIED
from peers import GRAPHILE, GRAPHILE_JOBS_AT_ONCE, RIVER, RIVER_LATENCY, RIVER_THROUGHPUT, begun
from performance import most_memory
from postgres import Postgres
from processes import text

DATABASE = "jobs"
CLIENTS = 64
# In one claim of the bare loops.
BATCH = 500
# The pause between two jobs whose latency is measured, as in the programs of the peers. It is longer than River's
# cooldown, 100 ms by default: jobs that come faster wait for that, or for the next poll, 1 s.
PAUSE_SECONDS = (0.11, 0.21)
# Claims of ours come while earlier ones are settled.
AT_ONCE = 5_000
SLEEPING = 10_000
RATE = 1_000
LOOK_SECONDS = 0.02
DEADLINE_SECONDS = 600


@dataclasses.dataclass
class Bench:
    server: Postgres
    ours: ours.Ours
    loadtest: str
    seconds: int
    jobs: int
    latencies: int
    sleep_seconds: int

    def measures(self):
        return {
            "enqueue": {
                "River": lambda: self.peer_enqueues(RIVER),
                "graphile-worker": lambda: self.peer_enqueues(GRAPHILE),
                "ours, PostgreSQL": self.ours_enqueues_on_postgres,
                "ours, SQLite": self.ours_enqueues_on_sqlite,
                "bare, PostgreSQL": self.bare_enqueues,
                "bare, SQLite": lambda: rate(sqlite.inserts(CLIENTS, self.seconds, ours.content)),
            },
            "work": {
                "River": lambda: self.peer_works(RIVER, 1, RIVER_THROUGHPUT[0], "0s", *RIVER_THROUGHPUT[1:]),
                "graphile-worker": lambda: self.peer_works(GRAPHILE, 1, GRAPHILE_JOBS_AT_ONCE, "0"),
                "graphile-worker twice": lambda: self.peer_works(GRAPHILE, 2, GRAPHILE_JOBS_AT_ONCE, "0"),
                "ours, PostgreSQL": lambda: self.ours_works(self.ours_on_postgres, "worker"),
                "ours, SQLite": lambda: self.ours_works(self.ours_on_sqlite),
                "bare, PostgreSQL": lambda: self.bare_works(1),
                "bare twice, PostgreSQL": lambda: self.bare_works(2),
                "bare, SQLite": lambda: rate(sqlite.claims(self.jobs, BATCH, ours.content)),
            },
            "latency": {
                **{
                    name: lambda settings=settings: self.peer_latencies(RIVER, *settings)
                    for name, settings in RIVER_LATENCY.items()
                },
                "graphile-worker": lambda: self.peer_latencies(GRAPHILE),
                "ours, PostgreSQL": self.ours_latencies_on_postgres,
                "ours, SQLite": self.ours_latencies_on_sqlite,
            },
            "memory": {
                "River": lambda: self.peer_memory(
                    RIVER, str(SLEEPING), f"{self.sleep_seconds}s", *RIVER_THROUGHPUT[1:]
                ),
                "graphile-worker": lambda: self.peer_memory(GRAPHILE, str(SLEEPING), str(self.sleep_seconds)),
                "ours, a worker on PostgreSQL": lambda: self.ours_memory(self.ours_on_postgres, "worker"),
                "ours, all on PostgreSQL": lambda: self.ours_memory(self.ours_on_postgres),
                "ours, all on SQLite": lambda: self.ours_memory(self.ours_on_sqlite),
            },
            "rate": {
                "ours, PostgreSQL": lambda: self.at_a_rate("postgres"),
                "ours, SQLite": lambda: self.at_a_rate("sqlite"),
            },
        }

    def peer_enqueues(self, peer):
        with peer.database(self.server, DATABASE) as url, self.server.session(url) as ask:
            seconds = peer.enqueue(url, CLIENTS, self.seconds)
            return rate(int(ask(f"SELECT count(*) FROM {peer.table}")) / seconds)

    def ours_enqueues_on_postgres(self):
        with self.ours_on_postgres() as (url, session), self.ours.process(url, "api") as (_, address):
            return self.ours_enqueue(address, url, session)

    def ours_enqueues_on_sqlite(self):
        with self.ours_on_sqlite() as (url, session), self.ours.process(url, **OCCUPIED) as (_, address):
            return self.ours_enqueue(address, url, session)

    def ours_enqueue(self, address, url, session):
        seconds = ours.submit(address, CLIENTS, self.seconds)
        with session(url) as ask:
            return rate(int(ask("SELECT count(*) FROM submissions")) / seconds)

    def bare_enqueues(self):
        with self.server.database(DATABASE) as url, self.server.session(url) as ask:
            seconds = float(RIVER.run("bare", url, "enqueue", CLIENTS, self.seconds).split()[1])
            return rate(int(ask("SELECT count(*) FROM bare")) / seconds)

    def bare_works(self, loops):
        with self.server.database(DATABASE) as url, self.server.session(url) as ask:
            seconds = float(RIVER.run("bare", url, "work", self.jobs, BATCH, loops).split()[1])
            assert ask("SELECT count(*) FROM bare WHERE status = 2") == str(self.jobs)
            return rate(self.jobs / seconds)

    def peer_works(self, peer, processes, *settings):
        with self.peer_at_work(peer, self.jobs, processes, *settings) as (seconds, _, _):
            return rate(self.jobs / seconds)

    def peer_memory(self, peer, *settings):
        with self.peer_at_work(peer, SLEEPING, 1, *settings) as (_, at_once, workers):
            return {"MB": most_memory(workers[0].pid) / 1e6, "at once": at_once}

    @contextlib.contextmanager
    def peer_at_work(self, peer, jobs, processes, *settings):
        """The seconds from the first start to the last finish, the most jobs in work at once, and the processes."""
        with contextlib.ExitStack() as stack:
            url = stack.enter_context(peer.database(self.server, DATABASE))
            peer.run("fill", url, jobs)
            self.settle(url)
            ask = stack.enter_context(self.server.session(url))
            workers = [stack.enter_context(peer.worker(url, *settings)) for _ in range(processes)]
            # Cheap looks until all have begun; then the database says when they are finished.
            look(lambda: sum(begun(worker)[0] for worker in workers) >= jobs, workers)
            ended = look(lambda: ask(peer.unfinished) == "0", workers)
            found = [begun(worker) for worker in workers]
            first = min(first for _, _, first in found if first)
            yield ended - first, sum(most for _, most, _ in found), workers

    def ours_works(self, database, *roles):
        settings = {"WORK_TIME": "0s", "WORKER_CONCURRENCY": str(AT_ONCE)}
        with self.ours_at_work(database, self.jobs, roles, settings) as (seconds, _, _):
            return rate(self.jobs / seconds)

    def ours_memory(self, database, *roles):
        settings = {"WORKER_CONCURRENCY": str(SLEEPING), "WORK_TIME": f"{self.sleep_seconds}s"}
        with self.ours_at_work(database, SLEEPING, roles, settings) as (_, at_once, process):
            return {"MB": most_memory(process.pid) / 1e6, "at once": at_once}

    @contextlib.contextmanager
    def ours_at_work(self, database, jobs, roles, settings):
        """As `peer_at_work`, of one process."""
        with database() as (url, session):
            self.ours.fill(url, jobs)
            self.settle(url)
            with session(url) as ask, self.ours.process(url, *roles, **settings) as (process, _):
                most = 0

                def is_done():
                    nonlocal most
                    most = max(most, int(ask(f"SELECT sum({AT_WORK}) FROM status_counts")))
                    return int(ask(f"SELECT sum({FINAL}) FROM status_counts")) == jobs

                ended = look(is_done, [process])
                first = int(ask("SELECT min(started_at) FROM submissions")) / 1000
                yield ended - first, most, process

    def peer_latencies(self, peer, *settings):
        with peer.database(self.server, DATABASE) as url:
            return percentiles(peer.latencies(url, self.latencies, *settings))

    def ours_latencies_on_postgres(self):
        with self.ours_on_postgres() as (url, _), self.ours.process(url, "api") as (_, address):
            with self.ours.process(url, "worker", WORK_TIME="0s", **JOURNAL) as (worker, _):
                return percentiles(ours.latencies(address, worker, self.latencies, PAUSE_SECONDS))

    def ours_latencies_on_sqlite(self):
        with self.ours_on_sqlite() as (url, _):
            with self.ours.process(url, WORK_TIME="0s", **JOURNAL) as (process, address):
                return percentiles(ours.latencies(address, process, self.latencies, PAUSE_SECONDS))

    def at_a_rate(self, database):
        with tempfile.TemporaryDirectory(prefix="bench-jobs-") as folder:
            shape = ("--database", database, "--rate", str(RATE), "--bulk-share", "0", "--invalid-share", "0")
            command = (self.loadtest, "submissions", *shape, "--duration", f"{self.seconds}s", "--report", folder)
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
            with open(os.path.join(folder, "submissions.json")) as file:
                times = json.load(file)["times"]
            return {"submit p99 ms": times["submit"]["p99"], "status p99 ms": times["status"]["p99"]}

    @contextlib.contextmanager
    def ours_on_postgres(self):
        with self.server.database(DATABASE) as url:
            yield url, self.server.session

    @contextlib.contextmanager
    def ours_on_sqlite(self):
        with ours.sqlite_file() as url:
            yield url, ours.sqlite_session

    def settle(self, url):
        """What enqueues have left to be done is not a cost of the work."""
        if url.startswith("postgres"):
            self.server.ask(DATABASE, "VACUUM ANALYZE")
            self.server.ask(DATABASE, "CHECKPOINT")


def look(reached, needed):
    """Looks until it is reached; the time of the last look."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not reached():
        for process in needed:
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{' '.join(process.args)} is not done, or has ended early:\n{text(process)[-2000:]}")
        time.sleep(LOOK_SECONDS)
    return time.time()


def rate(value):
    return {"a second": value}


def percentiles(pairs):
    """Of milliseconds from before and from after each enqueue."""
    cuts = [statistics.quantiles(times, n=100, method="inclusive") for times in zip(*pairs)]
    whole, start = ({"p50": times[49], "p99": times[98]} for times in cuts)
    return {
        "start p50 ms": start["p50"],
        "start p99 ms": start["p99"],
        "whole p50 ms": whole["p50"],
        "whole p99 ms": whole["p99"],
    }
