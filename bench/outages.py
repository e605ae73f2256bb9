"""How long does the producer accept nothing when one of three brokers dies or freezes, and does it reject posts?

    python3 bench/outages.py [ROUNDS]
        needs a release build of loadtest (LOADTEST names another one), and kcat; 1 round takes about four minutes

Forty clients post to a topic of six partitions, each with a pause of 5 ms after an answer. A broker is killed, or
frozen for eight seconds. Every id that was accepted must be in the topic afterwards; with fewer than three replicas,
after the broker is back. Where each partition has three replicas, orders are sent beside the posts: they go through
librdkafka, so their gap is that of a librdkafka producer.
"""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time

from partitions import listener
from performance import producer
from processes import LOADTEST, child, text, wait

CLIENTS = 40
PAUSE = 0.005
POST = json.dumps({"title": "A title", "content": "Some content, long enough"})
ORDER = {"customer_id": "C-1", "product_id": "P-1", "quantity": 1, "price": "9.99"}
# Seconds before and after the fault.
BEFORE, AFTER, FROZEN = 3, 10, 8


def main(rounds=1):
    print(f"{'':40}{'accepted':>10}{'rejected':>10}{'longest gap s':>15}{'missing':>9}")
    for _ in range(rounds):
        for replication in (1, 2, 3):
            for fault in ("kill", "freeze"):
                measure(replication, fault)


def measure(replication, fault):
    with contextlib.ExitStack() as stack:
        up = stack.enter_context(child((LOADTEST, "up", "--stack-only", "--stack", "native", "--brokers", "3"), {}))
        found = lambda: re.search(r"^Kafka +(\S+:\d+(?:,\S+:\d+)*)$", text(up), re.MULTILINE)
        brokers = wait("the brokers", found, 180, up)[1]
        settings = {"KAFKA_PARTITIONS": "6", "KAFKA_REPLICATION": str(replication), "KINDS": "post,order"}
        with producer(brokers, LOADTEST, **settings) as (url, _):
            clients = [Client(url, "post") for _ in range(CLIENTS)]
            if replication == 3:
                clients += [Client(url, "order") for _ in range(4)]
            for client in clients:
                client.start()
            time.sleep(BEFORE)
            victim = listener(int(brokers.split(",")[1].rsplit(":", 1)[1]))
            os.kill(victim, signal.SIGKILL if fault == "kill" else signal.SIGSTOP)
            time.sleep(FROZEN)
            if fault == "freeze":
                os.kill(victim, signal.SIGCONT)
            time.sleep(AFTER - FROZEN if fault == "kill" else AFTER)
            for client in clients:
                client.is_over = True
            for client in clients:
                client.join()
        for kind in ("post", "order") if replication == 3 else ("post",):
            of_kind = [client for client in clients if client.kind == kind]
            accepted = {id for client in of_kind for _, id in client.accepted}
            times = sorted(at for client in of_kind for at, _ in client.accepted)
            gap = max(later - earlier for earlier, later in zip(times, times[1:]))
            # Without the dead broker a partition may have too few replicas in sync, and then shows nothing new.
            is_readable = replication == 3 or fault == "freeze"
            missing = len(accepted - keys(brokers, "post" if kind == "post" else "orders")) if is_readable else "-"
            name = f"{kind}s, {replication} replica{'s' * (replication > 1)}, {fault}"
            rejected = sum(client.rejected for client in of_kind)
            print(f"{name:40}{len(accepted):>10,}{rejected:>10,}{gap:>15.2f}{missing:>9}", flush=True)


class Client(threading.Thread):
    """Sends one record at a time."""

    def __init__(self, url, kind):
        super().__init__(daemon=True)
        self.address, self.kind = url.removeprefix("http://"), kind
        self.accepted, self.rejected, self.is_over = [], 0, False

    def run(self):
        connection, number = http.client.HTTPConnection(self.address, timeout=30), 0
        headers = {"content-type": "application/json"}
        while not self.is_over:
            number += 1
            id = f"{threading.get_ident()}-{number}"
            if self.kind == "post":
                path, body = "/create-post", POST
            else:
                path, body = "/api/orders/", json.dumps(ORDER | {"order_id": id})
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status == 201:
                self.accepted.append((time.monotonic(), json.loads(content)["id"] if self.kind == "post" else id))
            else:
                self.rejected += 1
            time.sleep(PAUSE)


def keys(brokers, topic):
    read = ("kcat", "-C", "-q", "-e", "-b", brokers, "-t", topic, "-f", "%k\n")
    return set(subprocess.run(read, capture_output=True, text=True, timeout=120).stdout.split())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
