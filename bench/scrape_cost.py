"""What does a scrape of the metrics cost? Compares paired windows with and without scrapes of the producer, while 64
connections load it.

python3 bench/scrape_cost.py [PAIRS [SCRAPES_PER_SECOND]]    needs a release build of loadtest; by default 12 pairs
and 1
"""

import contextlib
import math
import random
import re
import statistics
import sys
import time
import urllib.request

from processes import LOADTEST, addresses, child, wait

WINDOW = 5


def main(pairs=12, rate=1.0):
    with contextlib.ExitStack() as stack:
        up = stack.enter_context(child((LOADTEST, "up", "--stack", "native"), {}))
        places = wait("the pipeline", lambda: addresses(up), 120, up)
        load = (LOADTEST, "--target", places["producer"], "--mongo-uri", places["store"], "--think", "0", "--vus", "64")
        load = (*load, "--hostile-share", "0", "--duration", f"{2 * pairs * WINDOW + 60}s")
        load = stack.enter_context(child(load, {}))
        measure(f"{places['producer_admin']}/metrics", load, pairs, rate)


def measure(url, load, pairs, rate):
    time.sleep(10)
    ratios = []
    for _ in range(pairs):
        accepted = {
            is_scraped: window(url, rate if is_scraped else 0) for is_scraped in random.sample([True, False], 2)
        }
        ratios.append(accepted[True] / accepted[False])
    mean, error = statistics.mean(ratios), statistics.stdev(ratios) / math.sqrt(pairs)
    low, high = mean - 2 * error, mean + 2 * error
    print(f"accepted with {rate:g} scrapes per second / without: {mean:.3f}, 95 % confidence {low:.3f} to {high:.3f}")
    load.kill()
    time.sleep(2)
    before = cpu_seconds(get(url))
    for _ in range(500):
        page = get(url)
    print(f"CPU of one scrape: {(cpu_seconds(page) - before) / 500 * 1e3:.2f} ms, {len(page)} bytes")


def window(url, rate):
    """Posts accepted per second in one window with this many scrapes per second."""
    began, before = time.monotonic(), accepted(get(url))
    while time.monotonic() - began < WINDOW:
        time.sleep(1 / rate if rate else WINDOW)
        if rate:
            get(url)
    return (accepted(get(url)) - before) / (time.monotonic() - began)


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


def value(page, series):
    return float(re.search(rf"^{series} (\S+)$", page, re.MULTILINE)[1])


def accepted(page):
    return value(page, 'ingest_records_accepted_total{kind="post"}')


def cpu_seconds(page):
    return value(page, "process_cpu_seconds_total")


if __name__ == "__main__":
    main(*(convert(argument) for convert, argument in zip((int, float), sys.argv[1:])))
