"""How does the cost of a post grow at both services with the size of its content, connections, partitions, batches and
members?

    python3 bench/growth.py [ROUNDS [SECONDS [POSTS]]]
        needs a release build of loadtest, and wrk; by default 3 rounds, with turns of 3 s for the producer and of
        300,000 posts for the consumer

The producer's turns run without a consumer; the consumer's have a backlog and the store in memory. Every turn has a
fresh service. Compare each case with the first of its list in the same round. The figures are medians of the rounds,
with the lowest and the highest.
"""

import contextlib
import signal
import sys
import tempfile

from drain import CONSUMER, as_its_own, drop_database, fill, look, servers
from generators import WRK_SCRIPT, spread
from processes import LOADTEST, child, end, wait
from performance import producer, turn

# Characters of content, connections, partitions.
PRODUCERS = {
    "300 characters, 64 connections, 1 partition": (300, 64, 1),
    "10 characters": (10, 64, 1),
    "1,000 characters": (1_000, 64, 1),
    "8 connections": (300, 8, 1),
    "300 connections": (300, 300, 1),
    "1,000 connections": (300, 1_000, 1),
    "4 partitions": (300, 64, 4),
    "16 partitions": (300, 64, 16),
}
# Partitions, members, records per batch.
CONSUMERS = {
    "1 partition, 1 member, batches of 100": (1, 1, 100),
    "batches of 25": (1, 1, 25),
    "batches of 1,000": (1, 1, 1_000),
    "4 partitions": (4, 1, 100),
    "4 partitions, 2 members": (4, 2, 100),
    "4 partitions, 4 members": (4, 4, 100),
}
FIRST_PORT = int(CONSUMER.rsplit(":", 1)[1])


def main(rounds=3, seconds=3, posts=300_000):
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        up = stack.enter_context(child((LOADTEST, "up", "--stack-only", "--stack", "native", "--store", "memory"), {}))
        places = wait("the servers", lambda: servers(up), 120, up)
        print_table("producer", measure(rounds, PRODUCERS, lambda _, case: produce(places, *case, seconds, folder)))
        for partitions in {case[0] for case in CONSUMERS.values()}:
            fill(places["Kafka"], posts, folder, **topic(partitions))
        print_table("consumer", measure(rounds, CONSUMERS, lambda name, case: consume(places, name, *case, posts)))


def measure(rounds, cases, run):
    found = {title: [] for title in cases}
    for round in range(rounds):
        for index, (title, case) in enumerate(cases.items()):
            found[title].append(run(f"growth-{round}-{index}", case))
    return found


def topic(partitions):
    return {"KAFKA_TOPIC": f"post-{partitions}", "KAFKA_PARTITIONS": str(partitions)}


def produce(places, characters, connections, partitions, seconds, folder):
    script = WRK_SCRIPT.replace('string.rep("amber anchor ", 20)', f'string.rep("amber", {characters // 5})')
    with producer(places["Kafka"], **topic(partitions)) as (url, pid):
        figures = turn(url, pid, connections, script, 1, seconds, folder)
        return {"rate": figures["rate"], "cpu": figures["cpu"], "kernel": kernel_share(pid)}


def consume(places, name, partitions, members, batch, posts):
    """Measures from when each member has stored some posts until all are stored, without rebalances."""
    variables = {**topic(partitions), **as_its_own(places, name), "CONSUMER_BATCH_MESSAGES": str(batch)}
    with contextlib.ExitStack() as stack:
        started = []
        for port in range(FIRST_PORT, FIRST_PORT + members):
            process = stack.enter_context(child((LOADTEST, "consumer"), {**variables, "PORT": str(port)}))
            started.append((process.pid, f"http://127.0.0.1:{port}", process))
        looks = lambda: [look(pid, url) for pid, url, _ in started]
        stored = lambda seen: sum(one["stored"] for one in seen)
        first = wait(
            "every member's first posts", lambda: all(seen := looks()) and seen, 60, *[one for _, _, one in started]
        )
        last = wait("the last posts", lambda: stored(seen := looks()) >= posts and seen, 300)
        kernel = sum(kernel_share(pid) for pid, _, _ in started) / members
        for _, _, process in started:
            process.send_signal(signal.SIGTERM)
        for _, _, process in started:
            end(process, None)
    drop_database(places["store"], name)
    gained = lambda key: sum(after[key] - before[key] for before, after in zip(first, last))
    elapsed = last[0]["time"] - first[0]["time"]
    return {"rate": gained("stored") / elapsed, "cpu": gained("cpu") * 1e6 / gained("stored"), "kernel": kernel}


def kernel_share(pid):
    """The share of a process's CPU time that it has spent in the kernel."""
    with open(f"/proc/{pid}/stat") as file:
        user, kernel = map(int, file.read().rsplit(")", 1)[1].split()[11:13])
    return kernel / (user + kernel)


def print_table(service, found):
    width = max(map(len, found))
    print(f"{service:{width}}{'posts/s':>30}{'CPU µs a post':>24}{'of the first':>22}{'kernel':>22}")
    first = next(iter(found.values()))
    for title, turns in found.items():
        ratios = [one["cpu"] / other["cpu"] for one, other in zip(turns, first)]
        columns = (([one["rate"] for one in turns], 0, 30), ([one["cpu"] for one in turns], 1, 24), (ratios, 2, 22),
                   ([one["kernel"] for one in turns], 2, 22))  # fmt: skip
        print(f"{title:{width}}" + "".join(f"{spread(values, digits):>{size}}" for values, digits, size in columns))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
