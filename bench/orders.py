"""What does an order cost the producer, beside a post? Rates, CPU and latencies, by wrk.

    python3 bench/orders.py [ROUNDS [SECONDS [OTHER]]]
        needs a release build of loadtest, and wrk; by default 5 rounds of 5 s each, with native servers and no consumer

In each round posts and orders of about the same size have turns at a fresh producer that serves both: with 300
connections at full speed, and with few that pause, at about 1,000 a second. OTHER is the program of another build,
whose producer takes orders in the same rounds. The figures are medians of the rounds, with the lowest and the highest.
"""

import contextlib
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


POST = '{"title":"load 00ab12cd 1234567","content":"' + "amber anchor " * 8 + '"}'
ORDER = (
    '{"order_id":"load-00ab12cd-1234567","customer_id":"customer-4711","product_id":"product-42","quantity":2,'
    '"price":19.99,"status":"PROCESSING"}'
)
KINDS = {"posts": ("/create-post", POST), "orders": ("/api/orders/", ORDER)}
LOADS = {"300 connections": (300, 0), "1,000/s": (16, 12)}


def main(rounds="5", seconds="5", other=None):
    builds = {"posts": ("posts", LOADTEST), "orders": ("orders", LOADTEST)}
    if other:
        builds["orders, other build"] = ("orders", other)
    found = {f"{name}, {load}": [] for load in LOADS for name in builds}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        up = stack.enter_context(child((LOADTEST, "up", "--stack-only", "--stack", "native"), BROKER_JVM))
        broker = wait("the broker", lambda: re.search(r"^Kafka +(\S+:\d+)$", text(up), re.MULTILINE), 120, up)[1]
        with producer(broker, KINDS="post,order") as warming:
            for path, body in KINDS.values():
                turn(*warming, 300, script(path, body), 1, WARM_UP_SECONDS // 2, folder)
        for round in range(int(rounds)):
            for load, (connections, pause_ms) in LOADS.items():
                # They take turns at going first.
                for name in list(builds)[:: -1 if round % 2 else 1]:
                    kind, program = builds[name]
                    with producer(broker, program, KINDS="post,order") as server:
                        path, body = KINDS[kind]
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
        for name in list(builds)[1:]:
            for key, title in (("rate", "rate"), ("cpu", "CPU"), ("p99", "p99")):
                pairs = zip(found[f"{name}, {load}"], found[f"posts, {load}"])
                print(f"{name} / posts, {load}, {title}: " + spread([a[key] / b[key] for a, b in pairs], 2))


if __name__ == "__main__":
    main(*sys.argv[1:])
