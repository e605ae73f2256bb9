"""What do many partitions and few connections cost the producer? Beside one partition, beside a raw acknowledged
produce of single records, beside a bare server without Kafka, and beside another build.

    python3 bench/partitions.py [ROUNDS [SECONDS [OTHER]]]
        needs a release build of loadtest, `cargo build --release -p kafka --example raw_produce`, and wrk; by default
        5 rounds of 5 s a turn; OTHER is a loadtest of another build, which has turns in the same rounds

All turns use the same warm broker. `idle` are connections that are open beside those that post. `raw` are clients of
Kafka without HTTP, with a lane's own connection or with rskafka's client; the bare server has HTTP without Kafka. A
ratio is of turns of the same round; the figures are medians of the rounds, with the lowest and the highest.
"""

import contextlib
import re
import socket
import sys
import tempfile

from generators import WRK_SCRIPT, bare, cpu_seconds, output, spread
from performance import BROKER_JVM, WARM_UP_SECONDS, producer, turn
from processes import LOADTEST, child, text, wait

RAW = "target/release/examples/raw_produce"
RAW_CONNECTIONS = ("own", "rskafka")
MANY = 64
# Connections that post, and idle ones.
FEW = ((1, 0), (1, 200), (8, 0), (8, 200))


def main(rounds=5, seconds=5, other=None):
    builds = {"": LOADTEST} | ({", other build": other} if other else {})
    found = {}
    note = lambda name, figures: found.setdefault(name, []).append(figures)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        server = stack.enter_context(bare())
        up = stack.enter_context(child((LOADTEST, "up", "--stack-only", "--stack", "native"), BROKER_JVM))
        broker = wait("the broker", lambda: re.search(r"^Kafka +(\S+:\d+)$", text(up), re.MULTILINE), 120, up)[1]
        broker_pid = listener(int(broker.rsplit(":", 1)[1]))
        measure = lambda *case: post(broker, broker_pid, folder, *case)
        measure(LOADTEST, 1, 300, 0, WARM_UP_SECONDS)
        for _ in range(rounds):
            for connections in (64, 300):
                for name, program in builds.items():
                    for partitions in (1, MANY):
                        title = f"{connections} connections, {partitions} partitions{name}"
                        note(title, measure(program, partitions, connections, 0, seconds))
            for connections, idle in FEW:
                if not idle:
                    for kind in RAW_CONNECTIONS:
                        note(f"raw, {kind}, {connections} clients", raw(kind, broker, connections, seconds))
                    figures = turn(*server, connections, WRK_SCRIPT, 1, seconds, folder)
                    note(f"bare server, {connections} connections", figures)
                for name, program in builds.items():
                    title = f"{connections} connections, {idle} idle{name}"
                    note(title, measure(program, 1, connections, idle, seconds))
    report(found, builds)


def post(broker, broker_pid, folder, program, partitions, connections, idle, seconds):
    settings = {"KAFKA_TOPIC": f"post-{partitions}", "KAFKA_PARTITIONS": str(partitions)}
    with producer(broker, program, **settings) as (url, pid), contextlib.ExitStack() as stack:
        for _ in range(idle):
            stack.enter_context(socket.create_connection(("127.0.0.1", 3900)))
        before = cpu_seconds(broker_pid)
        figures = turn(url, pid, connections, WRK_SCRIPT, 1, seconds, folder)
        # wrk's first second is in it, too.
        figures["broker"] = (cpu_seconds(broker_pid) - before) * 1e6 / (figures["rate"] * (seconds + 1))
        return figures


def raw(kind, broker, clients, seconds):
    printed = output((RAW, kind, broker, "post-1", str(clients), str(seconds)))
    records, p50, p99 = re.search(r"records (\d+) p50_ms (\S+) p99_ms (\S+)", printed).groups()
    return {"rate": int(records) / seconds, "p50": float(p50), "p99": float(p99)}


def listener(port):
    """The process that listens on this port."""
    printed = output(("ss", "-ltnpH", f"sport = :{port}"))
    return int(re.search(r"pid=(\d+)", printed)[1])


def report(found, builds):
    print(f"{'':44}{'posts/s':>30}{'p50 ms':>22}{'p99 ms':>22}{'CPU µs a post':>20}{'broker':>20}")
    for name, turns in found.items():
        columns = (("rate", 0, 30), ("p50", 2, 22), ("p99", 2, 22), ("cpu", 1, 20), ("broker", 1, 20))
        figures = lambda key, digits: spread([one[key] for one in turns], digits) if key in turns[0] else ""
        cells = [f"{figures(key, digits):>{width}}" for key, digits, width in columns]
        print(f"{name:44}" + "".join(cells))
    ratio = lambda a, b, key: spread([x[key] / y[key] for x, y in zip(found[a], found[b])], 2)
    for build in builds:
        for connections in (64, 300):
            many, one = (f"{connections} connections, {partitions} partitions{build}" for partitions in (MANY, 1))
            print(f"{MANY} / 1 partitions, {connections} connections{build}: rate {ratio(many, one, 'rate')}, "
                  f"broker's CPU a post {ratio(many, one, 'broker')}")  # fmt: skip
        for connections, idle in FEW:
            title = f"{connections} connections, {idle} idle{build}"
            for kind in RAW_CONNECTIONS:
                print(f"{title} / raw, {kind}, p50: {ratio(title, f'raw, {kind}, {connections} clients', 'p50')}")
    for connections in (64, 300) if len(builds) > 1 else ():
        for partitions in (1, MANY):
            title = f"{connections} connections, {partitions} partitions"
            print(f"{title}, this / other build: rate {ratio(title, title + ', other build', 'rate')}")


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:3]]
    main(*numbers, *sys.argv[3:4])
