"""River and graphile-worker: how they are installed, and what each is asked to do. Both print the same lines."""

import contextlib
import functools
import json
import os
import subprocess

import npm
from processes import child, text

HERE = os.path.dirname(os.path.abspath(__file__))

# Jobs at once, cooldown between fetches and interval of polls as in `river bench`, River's own measurement, which has
# 2,000 at once and says that about 1,000 are best.
RIVER_THROUGHPUT = ("1000", "2ms", "20ms")
# Its defaults, and the least that it takes.
RIVER_LATENCY = {"River": ("0s", "0s"), "River, tuned": ("1ms", "1ms")}
# What graphile-worker's documentation recommends for throughput; the rest of it is in graphile/main.js.
GRAPHILE_JOBS_AT_ONCE = "24"


class Peer:
    """A queue on PostgreSQL. `unfinished` is a query for the number of its jobs that are not finished."""

    def __init__(self, install, table, unfinished):
        self.command, self.table, self.unfinished = functools.cache(install), table, unfinished

    def run(self, command, url, *arguments):
        """What it prints."""
        done = subprocess.run((*self.command(), command, url, *map(str, arguments)), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(done.args)} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
        return done.stdout

    @contextlib.contextmanager
    def database(self, server, name):
        with server.database(name) as url:
            self.run("migrate", url)
            yield url

    def enqueue(self, url, clients, seconds):
        """The seconds that it took."""
        return float(self.run("enqueue", url, clients, seconds).split()[1])

    def latencies(self, url, jobs, *settings):
        """In milliseconds, from before and from after each enqueue."""
        return json.loads(self.run("latency", url, jobs, *settings))

    @contextlib.contextmanager
    def worker(self, url, *settings):
        with child((*self.command(), "work", url, *settings), {}) as process:
            yield process


def install_river():
    program = os.path.abspath(os.path.join(npm.TOOLS, "river"))
    build = ("go", "build", "-buildvcs=false", "-o", program, ".")
    subprocess.run(build, check=True, cwd=os.path.join(HERE, "river"))
    return (program,)


def install_graphile():
    return npm.install(os.path.join(HERE, "graphile"))


def begun(process):
    """How many jobs have begun there, how many of them were in work at that time, and when the first began."""
    count, at_once, most, first = 0, 0, 0, None
    for line in text(process).splitlines():
        match line.split():
            case ["first", time]:
                first = float(time)
            case ["begun", jobs, running]:
                count, at_once = int(jobs), int(running)
                most = max(most, at_once)
    return count, most, first


RIVER = Peer(install_river, "river_job", "SELECT count(*) FROM river_job WHERE state <> 'completed'")
GRAPHILE = Peer(
    install_graphile, "graphile_worker._private_jobs", "SELECT count(*) FROM graphile_worker._private_jobs"
)
