"""Does a post ever wait longer than its linger, the broker and the way there explain? Tries every number of
connections, batch size and codec, on loopback and on links with a delay.

    python3 bench/stalls.py [SECONDS [ROUND_TRIPS]]
        needs a release build of loadtest, and wrk; by default 375 turns of 1 s, 125 for each round trip of 0, 1 and
        20 ms

For a delay, `loadtest up --stack-only --proxied` puts Toxiproxy in front of the broker and holds its answers for the
round trip. The connections pause for random times, so that together they send some 5,000 posts per second, whatever
their number: the machine has time to spare, so a post waits only for the pipeline. A median above linger + 3 ms + twice
the round trip (for its own batch, and for one under way) is a stall, such as the 40 ms of a delayed acknowledgement,
unless a second look does not confirm it. Where batches are too small to carry this rate within a round trip, posts wait
in the queue, and the turn is not judged.
"""

import contextlib
import json
import os
import re
import sys
import tempfile
import urllib.request

from generators import WRK_SCRIPT, milliseconds, output
from processes import LOADTEST, child, text, wait
from performance import producer

CONNECTIONS = (1, 8, 64, 300, 1000)
BATCH_BYTES = (4_000, 16_000, 64_000, 250_000, 1_000_000)
CODECS = ("none", "gzip", "lz4", "snappy", "zstd")
POSTS_PER_SECOND = 5_000
# The producer's connections to a partition, each with one batch under way at a time; and a record's size.
LANES = 4
BYTES_A_POST = 330
LINGER_MS = 2
BEYOND_MS = 3


def main(seconds="1", round_trips="0,1,20"):
    stalls = []
    with tempfile.TemporaryDirectory() as folder:
        for round_trip in map(int, round_trips.split(",")):
            with contextlib.ExitStack() as stack:
                broker = stack.enter_context(broker_behind(round_trip))
                print(
                    f"\nround trip {round_trip} ms, p50 in ms{'':13}"
                    + "".join(f"{count:>8,}" for count in CONNECTIONS)
                    + "  connections"
                )
                for codec in CODECS:
                    for batch_bytes in BATCH_BYTES:
                        carried = LANES * batch_bytes / BYTES_A_POST * 1000 / (round_trip + BEYOND_MS)
                        limit = LINGER_MS + BEYOND_MS + 2 * round_trip if carried > POSTS_PER_SECOND else float("inf")
                        medians = turns(broker, codec, batch_bytes, int(seconds), limit, folder)
                        stalls += [
                            (round_trip, codec, batch_bytes, count, p50)
                            for count, p50 in zip(CONNECTIONS, medians)
                            if p50 > limit
                        ]
                        print(
                            f"{codec:>8} {batch_bytes:>10,} bytes a batch{'':9}"
                            + "".join(f"{p50:>8.1f}" for p50 in medians),
                            flush=True,
                        )
    for stall in stalls:
        print("stall: round trip {} ms, {}, {:,} bytes a batch, {:,} connections: p50 {} ms".format(*stall))
    sys.exit(1 if stalls else 0)


@contextlib.contextmanager
def broker_behind(round_trip):
    proxied = ("--proxied",) if round_trip else ()
    with child((LOADTEST, "up", "--stack-only", "--stack", "native", *proxied), {}) as up:
        place = lambda name: wait(name, lambda: re.search(rf"^{name} +(\S+:\d+\S*)", text(up), re.MULTILINE), 120, up)[
            1
        ]
        broker = place("Kafka")
        if round_trip:
            # Only on the way back: what counts is the time until the acknowledgement arrives.
            toxic = {"type": "latency", "stream": "downstream", "attributes": {"latency": round_trip}}
            url = f"{place('Toxiproxy')}/broker-1/toxics"
            urllib.request.urlopen(
                urllib.request.Request(url, json.dumps(toxic).encode(), method="POST"), timeout=10
            ).close()
        yield broker


def turns(broker, codec, batch_bytes, seconds, limit, folder):
    settings = {
        "PRODUCER_COMPRESSION": codec,
        "PRODUCER_BATCH_BYTES": str(batch_bytes),
        "PRODUCER_LINGER": f"{LINGER_MS}ms",
    }
    with producer(broker, **settings) as (url, _):
        # A first turn, so that the connections to the broker exist and are warm before one counts.
        median(url, 64, 1, folder)
        medians = [median(url, count, seconds, folder) for count in CONNECTIONS]
        return [
            p50 if p50 <= limit else median(url, count, 3 * seconds, folder) for count, p50 in zip(CONNECTIONS, medians)
        ]


def median(url, connections, seconds, folder):
    path = os.path.join(folder, "post.lua")
    with open(path, "w") as file:
        file.write(
            WRK_SCRIPT + f"function delay() return math.random(0, {2 * connections * 1000 // POSTS_PER_SECOND}) end\n"
        )
    printed = output(("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", path, url))
    assert "Non-2xx" not in printed, printed
    return milliseconds(re.search(r"^ +50% +(\S+)$", printed, re.MULTILINE)[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
