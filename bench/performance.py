"""What does a post cost the producer, beside a bare hyper server that answers 201, and beside the same route on Node.js
with kafkajs? Rates, CPU, latencies and memory, by wrk.

    python3 bench/performance.py [ROUNDS [SECONDS]]
        needs a release build of loadtest, wrk, and Node.js; by default 5 rounds of 6 s each, with native servers and
        no consumer

In each round the bare server, the producer and kafkajs have turns with the same requests, so that their ratio is of
the same minute; then the producer has turns with other numbers of connections and with bulks, and it and the bare
server have one at about half the rate. All rounds use the same warm broker, with the options of Kafka's own scripts.
The figures are medians of the rounds, with the lowest and the highest.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile

import npm
from generators import WRK_SCRIPT, bare, cpu_seconds, milliseconds, output, print_rows, spread
from processes import LOADTEST, child, end, text, wait

# Posts of some 300 bytes.
BULK_POSTS = 1_000
BULK_SCRIPT = f"""
local post = '{{"title":"load 00ab12cd 1234567","content":"' .. string.rep("amber anchor ", 20) .. '"}}'
wrk.method, wrk.path = "POST", "/create-posts"
wrk.body = '[' .. string.rep(post .. ',', {BULK_POSTS - 1}) .. post .. ']'
wrk.headers["content-type"] = "application/json"
"""
# wrk cannot hold a rate: each connection pauses after its answer, so that 300 of them send at about half the full rate.
PAUSE_MS = 10
PAUSED = WRK_SCRIPT + f"function delay() return {PAUSE_MS} end\n"
# With the JVM's second compiler, which the lab turns off, because most of its brokers do not live long enough for it.
BROKER_JVM = {"KAFKA_JVM_PERFORMANCE_OPTS": "-XX:+UseG1GC -XX:MaxGCPauseMillis=20"}
WARM_UP_SECONDS = 20
TURNS = {
    "bare server, 300 connections": ("bare", 300, WRK_SCRIPT, 1),
    "producer, 300 connections": ("producer", 300, WRK_SCRIPT, 1),
    "kafkajs, 300 connections": ("kafkajs", 300, WRK_SCRIPT, 1),
    "producer, 64 connections": ("producer", 64, WRK_SCRIPT, 1),
    "producer, 1,000 connections": ("producer", 1000, WRK_SCRIPT, 1),
    f"producer, 300 connections that pause for {PAUSE_MS} ms": ("producer", 300, PAUSED, 1),
    f"bare server, 300 connections that pause for {PAUSE_MS} ms": ("bare", 300, PAUSED, 1),
    f"producer, 2 clients with bulks of {BULK_POSTS:,}": ("producer", 2, BULK_SCRIPT, BULK_POSTS),
}


def main(rounds=5, seconds=6):
    found = {name: [] for name in TURNS}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        url, pid = stack.enter_context(bare())
        servers = {"bare": (url, pid)}
        up = stack.enter_context(child((LOADTEST, "up", "--stack-only", "--stack", "native"), BROKER_JVM))
        broker = wait("the broker", lambda: re.search(r"^Kafka +(\S+:\d+)$", text(up), re.MULTILINE), 120, up)[1]
        with producer(broker) as warming:
            turn(*warming, 300, WRK_SCRIPT, 1, WARM_UP_SECONDS, folder)
        for _ in range(rounds):
            for name, (server, connections, script, posts) in TURNS.items():
                with contextlib.ExitStack() as own:
                    if server in STARTED:
                        servers[server] = own.enter_context(STARTED[server](broker))
                    warm_up = 4 if server == "kafkajs" else 1
                    figures = turn(*servers[server], connections, script, posts, seconds, folder, warm_up)
                    found[name].append(figures)
    print_table(found)


@contextlib.contextmanager
def producer(broker, program=LOADTEST, **settings):
    """A fresh producer, so that its memory is that of this turn alone."""
    own = {"KAFKA_BROKER": broker, "HOST": "127.0.0.1", "PORT": "3900", "ADMIN_PORT": "0", "LOG": "warn"}
    with child((program, "producer"), {**own, **settings}) as process:
        ready = lambda: (
            subprocess.run(("curl", "-fs", "http://127.0.0.1:3900/readyz"), capture_output=True).returncode == 0
        )
        wait("the producer", ready, 30, process)
        yield "http://127.0.0.1:3900", process.pid
        end(process, signal.SIGTERM)


@contextlib.contextmanager
def kafkajs(broker):
    command = npm.install(os.path.join(os.path.dirname(os.path.abspath(__file__)), "kafkajs"))
    with child((*command, broker, "post", "3901"), {}) as process:
        wait("kafkajs", lambda: "listening" in text(process), 30, process)
        yield "http://127.0.0.1:3901", process.pid


# Each turn has a fresh one of these.
STARTED = {"producer": producer, "kafkajs": kafkajs}


def turn(url, pid, connections, script, posts, seconds, folder, warm_up=1):
    path = os.path.join(folder, "post.lua")
    with open(path, "w") as file:
        file.write(script)
    run = lambda duration: output(("wrk", "-t1", f"-c{connections}", f"-d{duration}s", "--latency", "-s", path, url))
    # A first run, so that connections, buffers and compiled code exist before the turn.
    run(warm_up)
    before = cpu_seconds(pid)
    printed = run(seconds)
    cpu = cpu_seconds(pid) - before
    assert "Non-2xx" not in printed, printed
    done = posts * int(re.search(r"(\d+) requests in", printed)[1])
    percentiles = dict(re.findall(r"^ +(\d+)% +(\S+) *$", printed, re.MULTILINE))
    percentile = lambda name: milliseconds(percentiles[str(name)])
    return {
        "rate": posts * float(re.search(r"Requests/sec: +(\S+)", printed)[1]),
        "cpu": cpu * 1e6 / done,
        "p50": percentile(50),
        "p99": percentile(99),
        "memory": most_memory(pid) / 1e6,
    }


def most_memory(pid):
    with open(f"/proc/{pid}/status") as file:
        return 1024 * int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1])


def print_table(found):
    columns = (
        ("posts/s", "rate", 0, 30),
        ("CPU µs a post", "cpu", 1, 22),
        ("p50 ms", "p50", 1, 20),
        ("p99 ms", "p99", 1, 24),
        ("MB at most", "memory", 0, 15),
    )
    print_rows(columns, found)
    for other in ("bare server", "kafkajs"):
        turns = list(zip(found["producer, 300 connections"], found[f"{other}, 300 connections"]))
        for key, title in (("rate", "rate"), ("cpu", "CPU a post"), ("p99", "p99")):
            print(f"producer / {other}, 300 connections, {title}: {spread([a[key] / b[key] for a, b in turns], 2)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
