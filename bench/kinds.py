"""What does a record of each kind cost the producer, beside a post? Rates, CPU and latencies, by wrk.

    python3 bench/kinds.py [ROUNDS [SECONDS [OTHER]]]
        needs a release build of loadtest, and wrk; by default 5 rounds of 5 s each, with native servers and no consumer

In each round posts, orders, and readings of ten fields (examples/kinds) have turns at a fresh producer that serves all
of them: with 300 connections at full speed, and with few that pause, at about 1,000 a second. Orders are compared with
posts of their own size, and readings with posts of theirs. OTHER is the program of another build, whose producer takes
orders in the same rounds. The figures are medians of the rounds, with the lowest and the highest.
"""

import contextlib
import json
import pathlib
import re
import sys
import tempfile

from generators import print_rows, spread
from performance import BROKER_JVM, WARM_UP_SECONDS, producer, turn
from processes import LOADTEST, child, text, wait


def script(path, body, pause_ms=0):
    """wrk sends this body, and each connection pauses after its answer."""
    delay = f"function delay() return {pause_ms} end\n" if pause_ms else ""
    return (
        f"wrk.method, wrk.path, wrk.body = 'POST', '{path}', '{body}'\n"
        f"wrk.headers['content-type'] = 'application/json'\n{delay}"
    )


def post(size):
    """A post whose body has this many bytes."""
    start, end = '{"title":"load 00ab12cd 1234567","content":"', '"}'
    content = "amber anchor " * (size // 13 + 1)
    return start + content[: size - len(start) - len(end)] + end


ORDER = (
    '{"order_id":"load-00ab12cd-1234567","customer_id":"customer-4711","product_id":"product-42","quantity":2,'
    '"price":19.99,"status":"PROCESSING"}'
)
READING = json.dumps(
    {
        "station": "North Ridge",
        "measured_at": "2026-11-28T20:15:00.120Z",
        "temperature": -3.5,
        "humidity": 81,
        "pressure": 1013.25,
        "raining": True,
        "sequence": 1234567,
        "note": "after the first snow of the winter",
        "device": {"id": "D-4711", "firmware": "1.12.0", "installed_at": "2025-01-01T00:00:00Z"},
        "wind": [1, 2.5, 3.75, 12, 0.5],
    },
    separators=(",", ":"),
)
RECORDS = {
    "posts": ("/create-post", post(len(ORDER))),
    "orders": ("/api/orders/", ORDER),
    "posts as long as readings": ("/create-post", post(len(READING))),
    "readings": ("/api/readings", READING),
}
BESIDE = {"orders": "posts", "orders, other build": "posts", "readings": "posts as long as readings"}
LOADS = {"300 connections": (300, 0), "1,000/s": (16, 12)}
KINDS_DIR = str(pathlib.Path(__file__).parent.parent / "examples" / "kinds")


def main(rounds="5", seconds="5", other=None):
    turns = {name: (name, LOADTEST, {"KINDS_DIR": KINDS_DIR, "KINDS": ""}) for name in RECORDS}
    if other:
        turns["orders, other build"] = ("orders", other, {"KINDS": "post,order"})
    found = {f"{name}, {load}": [] for load in LOADS for name in turns}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        up = stack.enter_context(child((LOADTEST, "up", "--stack-only", "--stack", "native"), BROKER_JVM))
        broker = wait("the broker", lambda: re.search(r"^Kafka +(\S+:\d+)$", text(up), re.MULTILINE), 120, up)[1]
        with producer(broker, KINDS_DIR=KINDS_DIR, KINDS="") as warming:
            for path, body in RECORDS.values():
                turn(*warming, 300, script(path, body), 1, WARM_UP_SECONDS // 4, folder)
        for round in range(int(rounds)):
            for load, (connections, pause_ms) in LOADS.items():
                # They take turns at going first.
                for name in list(turns)[:: -1 if round % 2 else 1]:
                    records, program, settings = turns[name]
                    with producer(broker, program, **settings) as server:
                        path, body = RECORDS[records]
                        turned = turn(*server, connections, script(path, body, pause_ms), 1, int(seconds), folder)
                    found[f"{name}, {load}"].append(turned)
    columns = (
        ("records/s", "rate", 0, 26),
        ("CPU µs each", "cpu", 1, 22),
        ("p50 ms", "p50", 1, 18),
        ("p99 ms", "p99", 1, 22),
        ("MB at most", "memory", 0, 15),
    )
    print_rows(columns, found)
    for load in LOADS:
        for name in (name for name in turns if name in BESIDE):
            for key, title in (("rate", "rate"), ("cpu", "CPU"), ("p99", "p99")):
                pairs = zip(found[f"{name}, {load}"], found[f"{BESIDE[name]}, {load}"])
                print(f"{name} / {BESIDE[name]}, {load}, {title}: " + spread([a[key] / b[key] for a, b in pairs], 2))


if __name__ == "__main__":
    main(*sys.argv[1:])
