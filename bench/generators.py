"""How does the lab's generator compare with wrk and k6 on one bare server that answers 201? Rates, CPU, and the
latencies that each reports.

    python3 bench/generators.py [ROUNDS [SECONDS]]
        needs a release build of loadtest, wrk, and k6 in target/ci-tools or K6; by default 5 rounds of 6 s each

In each round every tool has a turn, first as fast as it can, then at the same moderate load: 64 users who pause for
20 ms after each answer. The figures are medians of the rounds, with the lowest and the highest; ratios are of turns in
the same round.
"""

import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from processes import LOADTEST

K6 = os.environ.get("K6", os.path.join(os.path.dirname(__file__), "../target/ci-tools/k6"))
USERS = 64
PAUSE_MS = 20

WRK_SCRIPT = """
wrk.method, wrk.path = "POST", "/create-post"
wrk.body = '{"title":"load 00ab12cd 1234567","content":"' .. string.rep("amber anchor ", 20) .. '"}'
wrk.headers["content-type"] = "application/json"
"""
WRK_PAUSE = f"function delay() return {PAUSE_MS} end\n"

# Like k6/create-post.js, without its scenarios.
K6_SCRIPT = """
import http from 'k6/http';
import exec from 'k6/execution';
import { check, sleep } from 'k6';
export const options = { summaryTrendStats: ['med', 'p(99)'] };
const content = 'amber anchor '.repeat(20);
const params = { headers: { 'Content-Type': 'application/json' } };
export default function () {
  const title = `load 00ab12cd ${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;
  const answer = http.post(`${__ENV.BASE_URL}/create-post`, JSON.stringify({ title, content }), params);
  const has_id = ({ body }) => /"id":"[0-9a-f-]{36}"/.test(body);
  check(answer, { 'status is 201': ({ status }) => status === 201, 'an id is returned': has_id });
  if (PAUSE) sleep(PAUSE);
}
"""


def main(rounds=5, seconds=6):
    tools = {"lab": lab, "wrk": wrk, "k6": k6}
    with tempfile.TemporaryDirectory() as folder, bare() as (url, server):
        for title, pause_ms in (("as fast as it goes", 0), (f"a pause of {PAUSE_MS} ms", PAUSE_MS)):
            found = {tool: [] for tool in tools}
            for _ in range(rounds):
                for tool, run in tools.items():
                    found[tool].append(turn(run, url, server, seconds, pause_ms, folder))
            print_table(f"{USERS} users, {title}", found)


def turn(run, url, server, seconds, pause_ms, folder):
    """One tool's turn: its figures, and the CPU time in µs per post of the tool and of the server."""
    server_before, before = cpu_seconds(server), os.times()
    figures = run(url, seconds, pause_ms, folder)
    after = os.times()
    own = after.children_user + after.children_system - before.children_user - before.children_system
    return {
        **figures,
        "cpu": own * 1e6 / figures["posts"],
        "server": (cpu_seconds(server) - server_before) * 1e6 / figures["posts"],
    }


def lab(url, seconds, pause_ms, folder):
    load = ("--vus", str(USERS), "--think", f"{pause_ms}ms" if pause_ms else "0", "--duration", f"{seconds}s")
    load = (*load, "--hostile-share", "0", "--no-reconcile", "--threshold", "failed==0%")
    output((LOADTEST, "--target", url, *load, "--report", folder))
    with open(os.path.join(folder, "report.json")) as file:
        report = json.load(file)
    latency = report["latency_ms"]
    return {
        "posts": report["accepted"],
        "rate": report["accepted_per_second"],
        "p50": latency["p50"],
        "p99": latency["p99"],
        "late": report["generator"]["lateness_ms"]["p50"],
    }


def wrk(url, seconds, pause_ms, folder):
    script = os.path.join(folder, "post.lua")
    with open(script, "w") as file:
        file.write(WRK_SCRIPT + (WRK_PAUSE if pause_ms else ""))
    printed = output(("wrk", "-t2", f"-c{USERS}", f"-d{seconds}s", "--latency", "-s", script, url))
    assert "Non-2xx" not in printed, printed
    percentile = lambda name: milliseconds(re.search(rf"^ +{name}% +(\S+)$", printed, re.MULTILINE)[1])
    return {
        "posts": int(re.search(r"(\d+) requests in", printed)[1]),
        "rate": float(re.search(r"Requests/sec: +(\S+)", printed)[1]),
        "p50": percentile(50),
        "p99": percentile(99),
    }


def k6(url, seconds, pause_ms, folder):
    script, summary = os.path.join(folder, "post.js"), os.path.join(folder, "summary.json")
    with open(script, "w") as file:
        file.write(K6_SCRIPT.replace("PAUSE", str(pause_ms / 1000)))
    load = ("--vus", str(USERS), "--duration", f"{seconds}s", "-e", f"BASE_URL={url}")
    output((K6, "run", "--quiet", "--summary-export", summary, *load, script))
    with open(summary) as file:
        metrics = json.load(file)["metrics"]
    assert metrics["checks"]["fails"] == 0, metrics["checks"]
    posts, latency = metrics["http_reqs"], metrics["http_req_duration"]
    return {"posts": posts["count"], "rate": posts["rate"], "p50": latency["med"], "p99": latency["p(99)"]}


def print_table(title, found):
    print(f"\n{title}\n{'':6}{'posts/s':>28}{'CPU µs a post':>24}{'of the server':>24}{'p50 ms':>24}{'p99 ms':>28}")
    for tool, turns in found.items():
        columns = [
            spread([turn[name] for turn in turns], digits)
            for name, digits in (("rate", 0), ("cpu", 1), ("server", 1), ("p50", 2), ("p99", 2))
        ]
        print(f"{tool:6}{columns[0]:>28}{columns[1]:>24}{columns[2]:>24}{columns[3]:>24}{columns[4]:>28}")
    # wrk and k6 measure from when they send, however late that is.
    late = spread([turn["late"] for turn in found["lab"]], 2)
    print(f"the lab measures latencies from when a post was due; median delay of sending in ms: {late}")
    for other in ("wrk", "k6"):
        pairs = list(zip(found["lab"], found[other]))
        ratios = [
            ("rate", [a["rate"] / b["rate"] for a, b in pairs]),
            ("posts per CPU second", [b["cpu"] / a["cpu"] for a, b in pairs]),
            ("p50", [a["p50"] / b["p50"] for a, b in pairs]),
            ("p99", [a["p99"] / b["p99"] for a, b in pairs]),
        ]
        print(f"lab / {other}: " + ", ".join(f"{name} {spread(values, 2)}" for name, values in ratios))


def print_rows(columns, found):
    """A row of figures for each name; `columns` are (title, key of a turn's figures, digits, width)."""
    width = max(map(len, found))
    print(" " * width + "".join(f"{title:>{size}}" for title, _, _, size in columns))
    for name, turns in found.items():
        cells = (f"{spread([turn[key] for turn in turns], digits):>{size}}" for _, key, digits, size in columns)
        print(f"{name:{width}}" + "".join(cells))


def spread(values, digits):
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} - {max(values):,.{digits}f})"


@contextlib.contextmanager
def bare():
    """The server that `loadtest limits` measures the generator with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen((LOADTEST, "bare"), env={**os.environ, "PORT": str(port)})
    try:
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            assert server.poll() is None, "the bare server has ended"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", server.pid
    finally:
        server.terminate()
        server.wait()


def output(command):
    assert shutil.which(command[0]), f"{command[0]} is missing"
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def milliseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
