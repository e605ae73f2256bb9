"""How long does a record wait until it is stored, at a moderate rate and with a short flush interval?

    python3 bench/stored.py [STORE [SECONDS [RATE]]]
        needs a release build of loadtest; by default secantus, 20 s, 1,000 a second

CONSUMER_BATCH_INTERVAL is 20ms. A wait is from the record's timestamp, which the producer sets, to the store's
acknowledgement, by the consumer's own histogram, without the first 10 s. `new orders` have a key each; of the others
there are 10,000, so that most are new states of an order that is there. `produce` is the wait for Kafka.
"""

import contextlib
import math
import re
import sys
import tempfile
import time
import urllib.request

from processes import LOADTEST, addresses, child, end, wait

SETTINGS = {"CONSUMER_BATCH_INTERVAL": "20ms", "KINDS": "post,order"}
METRICS = (
    ("producer_admin", "ingest_produce_duration_seconds"),
    ("consumer_admin", "ingest_accept_to_store_seconds"),
)
WARM_UP_SECONDS = 10
LOADS = {
    "posts": ("post", ()),
    "new orders": ("order", ("--keys", "1000000")),
    "orders": ("order", ("--keys", "10000")),
}


def main(store="secantus", seconds=20, rate=1000):
    print(f"{'':12}{'within 50 ms':>14}{'p50 ms':>9}{'p99 ms':>9}{'produce p99 ms':>18}")
    for name, (kind, options) in LOADS.items():
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            up = stack.enter_context(child((LOADTEST, "up", "--stack", "native", "--store", store), SETTINGS))
            places = wait("the pipeline", lambda: addresses(up), 180, up)
            load = ("--target", places["producer"], "--kind", kind, "--rate", str(rate), "--no-reconcile", *options)
            load = (*load, "--duration", f"{WARM_UP_SECONDS + seconds + 2}s", "--hostile-share", "0")
            load = (*load, "--report", folder, "--threshold", "failed==0%")
            run = stack.enter_context(child((LOADTEST, *load), {}))
            time.sleep(WARM_UP_SECONDS)
            before = list(scrape(places, kind))
            time.sleep(seconds)
            produced, stored = (
                {bound: count - counts[bound] for bound, count in later.items()}
                for counts, later in zip(before, scrape(places, kind))
            )
            end(run, None)
        assert stored[math.inf] > 0.95 * seconds * rate, stored
        within = stored[0.05] / stored[math.inf]
        print(f"{name:12}{within:>14.2%}{percentile(stored, 0.5):>9.0f}{percentile(stored, 0.99):>9.0f}"
              f"{percentile(produced, 0.99):>18.1f}", flush=True)  # fmt: skip


def scrape(places, kind):
    """The cumulative counts of both waits by their upper bounds in seconds."""
    for service, metric in METRICS:
        with urllib.request.urlopen(f"{places[service]}/metrics") as answer:
            page = answer.read().decode()
        row = rf'^{metric}_bucket{{kind="{kind}",le="(\S+)"}} (\S+)$'
        yield {float(bound): float(count) for bound, count in re.findall(row, page, re.MULTILINE)}


def percentile(counts, share):
    """In milliseconds, in proportion within its bucket, as Prometheus does; beyond the last one its bound."""
    wanted, below, lower = share * counts[math.inf], 0, 0.0
    for bound, count in counts.items():
        if count >= wanted:
            upper = lower if bound == math.inf else bound
            return 1e3 * (lower + (upper - lower) * (wanted - below) / max(count - below, 1))
        below, lower = count, bound


if __name__ == "__main__":
    main(*sys.argv[1:2], *map(int, sys.argv[2:]))
