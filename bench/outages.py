"""How long does the producer accept nothing when one of three brokers dies or freezes, and does it reject posts?

    python3 bench/outages.py [ROUNDS]
        needs a release build of loadtest (LOADTEST names another one), and kcat; 1 round takes about five minutes

Forty clients post to a topic of six partitions, each with a pause of 5 ms after an answer. A broker is killed, or
frozen for eight seconds. Every id that was accepted must be in the topic afterwards, once the broker is back. Where
each partition has three replicas, orders are sent beside the posts: they go through librdkafka, so their gap is that of
a librdkafka producer.

Then three replicas must be in sync, and a broker is killed and started again: what do rejections take and cost, and how
soon is a post accepted after all replicas are in sync again?
"""

import contextlib
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time

from generators import cpu_seconds
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
    for _ in range(rounds):
        measure_too_few_replicas()


@contextlib.contextmanager
def three_brokers():
    with child((LOADTEST, "up", "--stack-only", "--stack", "native", "--brokers", "3"), {}) as up:
        found = lambda: re.search(r"^Kafka +(\S+:\d+(?:,\S+:\d+)*)$", text(up), re.MULTILINE)
        yield wait("the brokers", found, 180, up)[1]


def measure(replication, fault):
    with contextlib.ExitStack() as stack:
        brokers = stack.enter_context(three_brokers())
        victim = Victim(brokers)
        settings = {"KAFKA_PARTITIONS": "6", "KAFKA_REPLICATION": str(replication), "KINDS": "post,order"}
        with producer(brokers, LOADTEST, **settings) as (url, _):
            kinds = ["post"] * CLIENTS + ["order"] * 4 * (replication == 3)
            with clients(url, kinds) as running:
                time.sleep(BEFORE)
                victim.kill() if fault == "kill" else victim.freeze()
                time.sleep(FROZEN)
                if fault == "freeze":
                    victim.thaw()
                time.sleep(AFTER - FROZEN if fault == "kill" else AFTER)
        if fault == "kill":
            stack.enter_context(victim.started_again())
            wait("all replicas", lambda: are_in_sync(brokers, "post", replication), 60)
        for kind in dict.fromkeys(kinds):
            of_kind = [client for client in running if client.kind == kind]
            accepted = {id for client in of_kind for _, id in client.accepted}
            times = sorted(at for client in of_kind for at, _ in client.accepted)
            gap = max(later - earlier for earlier, later in zip(times, times[1:]))
            missing = len(accepted - keys(brokers, "post" if kind == "post" else "orders"))
            name = f"{kind}s, {replication} replica{'s' * (replication > 1)}, {fault}"
            rejected = sum(len(client.rejected) for client in of_kind)
            print(f"{name:40}{len(accepted):>10,}{rejected:>10,}{gap:>15.2f}{missing:>9}", flush=True)


def measure_too_few_replicas():
    with contextlib.ExitStack() as stack:
        brokers = stack.enter_context(three_brokers())
        victim = Victim(brokers)
        settings = {"KAFKA_PARTITIONS": "6", "KAFKA_REPLICATION": "3"}
        url, pid = stack.enter_context(producer(brokers, LOADTEST, **settings))
        kafka(victim, "kafka.admin.ConfigCommand", "--bootstrap-server", brokers, "--alter", "--entity-type", "topics",
              "--entity-name", "post", "--add-config", "min.insync.replicas=3")  # fmt: skip
        with clients(url, ["post"] * CLIENTS) as running:
            time.sleep(BEFORE)
            victim.kill()
            wait("a rejected post", lambda: any(client.rejected for client in running), 60)
            # From here on the trouble is known.
            time.sleep(2)
            known = time.monotonic()
            cpu = cpu_seconds(pid)
            status, body = get(url, "/readyz")
            time.sleep(5)
        until, cpu = time.monotonic(), cpu_seconds(pid) - cpu
        idle_cpu = cpu_seconds(pid)
        time.sleep(5)
        idle_cpu = (cpu_seconds(pid) - idle_cpu) / 5
        stack.enter_context(victim.started_again())
        with clients(url, ["post"]) as (one,):
            wait("all replicas", lambda: are_in_sync(brokers, "post", 3), 60)
            in_sync = time.monotonic()
            wait("an accepted post", lambda: one.accepted, 60)
        rejections = [took for client in running for at, took in client.rejected if known <= at < until]
        percentile = lambda share: statistics.quantiles(rejections, n=100)[share - 1] * 1e3
        print(f"too few replicas in sync: {len(rejections):,} rejected, p50 {percentile(50):.1f} ms, p99 "
              f"{percentile(99):.1f} ms, longest {max(rejections) * 1e3:.1f} ms; "
              f"{cpu / len(rejections) * 1e6:.0f} µs of CPU each, {idle_cpu:.1%} of a core without clients; "
              f"/readyz {status} {body}; first accepted {one.accepted[0][0] - in_sync:+.2f} s after all replicas were "
              f"in sync", flush=True)  # fmt: skip


class Victim:
    """The second broker."""

    def __init__(self, brokers):
        self.pid = listener(int(brokers.split(",")[1].rsplit(":", 1)[1]))
        read = lambda name: open(f"/proc/{self.pid}/{name}", "rb").read().decode().rstrip("\0").split("\0")
        self.command, self.folder = read("cmdline"), os.readlink(f"/proc/{self.pid}/cwd")
        self.variables = dict(variable.split("=", 1) for variable in read("environ"))

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def freeze(self):
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.pid, signal.SIGCONT)

    def started_again(self):
        return child(self.command, self.variables, self.folder)


def kafka(broker, program, *arguments):
    """Runs a program of Kafka's, with the class path of the broker."""
    path = broker.command[broker.command.index("-cp") + 1]
    subprocess.run(("java", "-cp", path, program, *arguments), check=True, capture_output=True)


def are_in_sync(brokers, topic, replicas):
    listed = subprocess.run(("kcat", "-L", "-J", "-b", brokers, "-t", topic), capture_output=True, text=True).stdout
    partitions = json.loads(listed or '{"topics": [{"partitions": []}]}')["topics"][0]["partitions"]
    return partitions and all(len(partition["isrs"]) == replicas for partition in partitions)


def get(url, path):
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


@contextlib.contextmanager
def clients(url, kinds):
    running = [Client(url, kind) for kind in kinds]
    for client in running:
        client.start()
    yield running
    for client in running:
        client.is_over = True
    for client in running:
        client.join()


class Client(threading.Thread):
    """Sends one record at a time."""

    def __init__(self, url, kind):
        super().__init__(daemon=True)
        self.address, self.kind = url.removeprefix("http://"), kind
        # When each was answered, and its id, or how long the answer took.
        self.accepted, self.rejected, self.is_over = [], [], False

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
            sent = time.monotonic()
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status == 201:
                self.accepted.append((time.monotonic(), json.loads(content)["id"] if self.kind == "post" else id))
            else:
                self.rejected.append((sent, time.monotonic() - sent))
            time.sleep(PAUSE)


def keys(brokers, topic):
    read = ("kcat", "-C", "-q", "-e", "-b", brokers, "-t", topic, "-f", "%k\n")
    return set(subprocess.run(read, capture_output=True, text=True, timeout=120).stdout.split())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
