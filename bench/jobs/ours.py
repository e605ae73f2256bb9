"""The program `submissions`: how its processes are started, and how its two databases are looked at."""

import contextlib
import datetime
import http.client
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
import urllib.request

from postgres import free_port
from processes import child, end, text, wait

CONTENT_BYTES = 250
# Submissions in a bulk.
BULK = 5000
# A worker that is not in the way: it begins one submission, and does not end it while anything is measured.
OCCUPIED = {"WORKER_CONCURRENCY": "1", "WORK_TIME": "4m"}
JOURNAL = {"LOG": "warn,submissions::journal=info"}
FINAL, AT_WORK = "passed + failed", "processing"

WRK_SCRIPT = """
wrk.headers["content-type"] = "application/json"
local filler, number = string.rep("x", %d), 0
function request()
  number = number + 1
  return wrk.format("POST", nil, nil, string.format('{"content":"job %%012d %%s"}', number, filler))
end
"""


class Ours:
    def __init__(self, program):
        self.program = program

    @contextlib.contextmanager
    def process(self, url, *roles, **variables):
        """A process, and the address that it serves."""
        address = f"127.0.0.1:{free_port()}"
        host, port = address.split(":")
        own = {"DATABASE_URL": url, "HOST": host, "PORT": port, "ADMIN_PORT": "0", "LOG": "warn", "CACHE_ENTRIES": "0"}
        with child((self.program, *roles), {**own, **variables}) as process:
            wait("readiness", lambda: is_ready(address), 60, process)
            yield process, address

    def fill(self, url, jobs):
        """Submits these, and lets no worker end one of them."""
        roles = ("api",) if url.startswith("postgres") else ()
        with self.process(url, *roles, **OCCUPIED) as (process, address):
            for first in range(0, jobs, BULK):
                bulk = [{"content": content(number)} for number in range(first, min(first + BULK, jobs))]
                answer = json.load(post(address, "/api/submissions/bulk", bulk))
                assert answer["accepted"] == len(bulk), answer
            end(process, signal.SIGTERM)


def content(number):
    return f"job {number:012} ".ljust(CONTENT_BYTES, "x")


def post(address, path, body):
    headers = {"content-type": "application/json"}
    request = urllib.request.Request(f"http://{address}{path}", json.dumps(body).encode(), headers)
    return urllib.request.urlopen(request, timeout=60)


def is_ready(address):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://{address}/readyz", timeout=5):
        return True


def submit(address, clients, seconds):
    """Posts different submissions one by one; the seconds that it took."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(WRK_SCRIPT % (CONTENT_BYTES - len(content(0).rstrip("x"))))
        script.flush()
        url = f"http://{address}/api/submissions/"
        command = ("wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", script.name, url)
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in printed and "Socket errors" not in printed, printed
    return float(re.search(r"requests in ([\d.]+)s", printed)[1])


def latencies(address, worker, jobs, pause):
    """Milliseconds from each request and from its answer until the worker, whose journal is on, says that it begins."""
    connection, times = http.client.HTTPConnection(address), {}
    for number in range(jobs):
        body = json.dumps({"content": content(number)})
        began = time.time()
        connection.request("POST", "/api/submissions/", body, {"content-type": "application/json"})
        answer = connection.getresponse().read()
        times[json.loads(answer)["id"]] = (began, time.time())
        time.sleep(random.uniform(*pause))
    lines = [json.loads(line) for line in text(worker).splitlines()]
    starts = {line["id"]: line["timestamp"] for line in lines if line["message"].endswith("-> PROCESSING")}
    at = lambda timestamp: datetime.datetime.fromisoformat(timestamp.replace("Z", "+00:00")).timestamp()
    return [[1000 * (at(starts[id]) - before) for before in both] for id, both in times.items()]


@contextlib.contextmanager
def sqlite_file():
    """A fresh file, as a URL."""
    with tempfile.TemporaryDirectory(prefix="bench-jobs-") as folder:
        yield "sqlite:" + os.path.join(folder, "submissions.db")


@contextlib.contextmanager
def sqlite_session(url):
    """Like that of a `Postgres`."""
    path = url.removeprefix("sqlite:")
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        yield lambda query: connection.execute(query).fetchone()[0]
