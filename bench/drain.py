"""How fast does the consumer drain a backlog, beside raw inserts into the same store? Rates, CPU and memory.

    python3 bench/drain.py [ROUNDS [POSTS [STORE [OTHER]]]]
        needs a release build of loadtest, and wrk; by default 5 rounds of 1,000,000 posts with the store `auto` (or
        `memory`)

The producer fills a topic once. In each round a consumer with a group and a database of its own stores the posts.
Before and after it, `loadtest limits --only insert` measures the ceiling, with the consumer's driver, batch size,
flushes in flight and write concern; the consumer's share is its rate over the mean of the two. OTHER is the command of
another build, such as `other/loadtest consumer`, which has its turn in the same rounds. The figures are medians of the
rounds, with the lowest and the highest.
"""

import contextlib
import json
import os
import re
import signal
import socket
import struct
import sys
import tempfile
import time
import urllib.request

from generators import cpu_seconds, output, print_rows, spread
from processes import LOADTEST, child, end, text, wait
from performance import BULK_POSTS, BULK_SCRIPT, most_memory, producer

CEILING_SECONDS = 5
CONSUMER = "http://127.0.0.1:3901"
# Rare enough to cost the consumer nothing that shows.
LOOK_SECONDS = 0.05
DEADLINE_SECONDS = 600


def main(rounds="5", posts="1000000", store="auto", *other):
    consumers = {"consumer": (LOADTEST, "consumer"), **({"other build": tuple(other[0].split())} if other else {})}
    found, ceilings = {name: [] for name in consumers}, []
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        up = stack.enter_context(child((LOADTEST, "up", "--stack-only", "--stack", "native", "--store", store), {}))
        places = wait("the servers", lambda: servers(up), 120, up)
        fill(places["Kafka"], int(posts), folder)
        ceiling(places, folder)
        for round in range(int(rounds)):
            before = ceiling(places, folder)
            # They take turns at going first.
            for name in list(consumers)[:: -1 if round % 2 else 1]:
                drained = drain(consumers[name], places, f"{name.replace(' ', '-')}-{round}", int(posts))
                after = ceiling(places, folder)
                found[name].append({**drained, "share": drained["rate"] / ((before + after) / 2)})
                ceilings.append(after)
                before = after
    print_table(ceilings, found)


def servers(up):
    places = dict(re.findall(r"^(Kafka|store) +(\S+:\d+\S*)$", text(up), re.MULTILINE))
    return places if len(places) == 2 else None


def fill(broker, posts, folder, **settings):
    """Lets a producer with these settings accept at least this many posts."""
    path, accepted = os.path.join(folder, "bulk.lua"), 0
    with open(path, "w") as file:
        file.write(BULK_SCRIPT)
    with producer(broker, **settings) as (url, _):
        while accepted < posts:
            printed = output(("wrk", "-t1", "-c2", "-d2s", "-s", path, url))
            assert "Non-2xx" not in printed, printed
            accepted += BULK_POSTS * int(re.search(r"(\d+) requests in", printed)[1])


def ceiling(places, folder):
    """Documents/s of raw inserts."""
    command = (
        LOADTEST,
        "limits",
        "--only",
        "insert",
        "--rounds",
        "1",
        "--duration",
        f"{CEILING_SECONDS}s",
        "--report",
        folder,
    )
    with child(command, {"KAFKA_BROKER": places["Kafka"], "MONGO_URI": uri(places["store"], "ceiling")}) as process:
        end(process, None)
    with open(os.path.join(folder, "limits.json")) as file:
        return json.load(file)["measures"][0]["rate_per_second"]["median"]


def as_its_own(places, name):
    """The variables of a consumer with a group and a database of this name."""
    return {
        "KAFKA_BROKER": places["Kafka"],
        "KAFKA_GROUP": name,
        "MONGO_URI": uri(places["store"], name),
        "LOG": "warn",
        "HOST": "127.0.0.1",
        "ADMIN_PORT": "0",
    }


def drain(command, places, name, posts):
    """Lets a fresh consumer store the posts; measures from the first look that finds some to the last."""
    variables = {**as_its_own(places, name), "PORT": CONSUMER.rsplit(":", 1)[1]}
    with child(command, variables) as process:
        first = wait("the first posts", lambda: look(process.pid), 60, process)
        looks, deadline = [first], time.monotonic() + DEADLINE_SECONDS
        while looks[-1]["stored"] < posts:
            assert time.monotonic() < deadline and process.poll() is None, text(process)
            time.sleep(LOOK_SECONDS)
            looks.append(look(process.pid))
        last, memory = looks[-1], most_memory(process.pid) / 1e6
        end(process, signal.SIGTERM)
    drop_database(places["store"], name)
    stored = last["stored"] - first["stored"]
    at = lambda share: next(one["memory"] for one in looks if one["stored"] >= share * posts)
    return {
        "rate": stored / (last["time"] - first["time"]),
        "cpu": (last["cpu"] - first["cpu"]) * 1e6 / stored,
        "most": memory,
        "quarter": at(0.25),
        "half": at(0.5),
        "end": last["memory"],
    }


def look(pid, url=CONSUMER):
    """How far the consumer is; nothing before it has stored any posts."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            page = answer.read()
    except OSError:
        return None
    stored = float(re.search(rb'^ingest_records_stored_total{kind="post"} (\S+)', page, re.MULTILINE)[1])
    with open(f"/proc/{pid}/status") as file:
        memory = 1024 * int(re.search(r"VmRSS:\s+(\d+) kB", file.read())[1]) / 1e6
    return {"stored": stored, "time": time.monotonic(), "cpu": cpu_seconds(pid), "memory": memory} if stored else None


def uri(store, database):
    return re.sub(r"^(mongodb://[^/]+)(/[^?]*)?", rf"\1/{database}", store)


def drop_database(store, database):
    """Sends the command by hand, because there is no driver. Otherwise the store in memory would fill up."""
    name = database.encode()
    fields = (
        b"\x10dropDatabase\0" + struct.pack("<i", 1) + b"\x02$db\0" + struct.pack("<i", len(name) + 1) + name + b"\0"
    )
    document = struct.pack("<i", len(fields) + 5) + fields + b"\0"
    op_msg, body = 2013, struct.pack("<i", 0) + b"\0" + document
    host, port = re.search(r"//(?:.*@)?([^:/]+):(\d+)", store).groups()
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, op_msg) + body)
        answer = connection.recv(4096)
    assert b"\x01ok\0" + struct.pack("<d", 1) in answer, answer


def print_table(ceilings, found):
    columns = (
        ("posts/s", "rate", 0, 28),
        ("of the ceiling", "share", 2, 20),
        ("CPU µs a post", "cpu", 2, 22),
        ("MB at most", "most", 0, 15),
        ("MB at 1/4", "quarter", 0, 15),
        ("at 1/2", "half", 0, 15),
        ("at the end", "end", 0, 15),
    )
    print(f"{'ceiling':{max(map(len, found))}}{spread(ceilings, 0):>28}")
    print_rows(columns, found)
    if len(found) == 2:
        for key, title in (("rate", "rate"), ("cpu", "CPU a post")):
            print(f"consumer / other build, {title}: " + spread([a[key] / b[key] for a, b in zip(*found.values())], 2))


if __name__ == "__main__":
    main(*sys.argv[1:])
