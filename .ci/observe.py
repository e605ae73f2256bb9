"""Checks live everything that an operator looks at: starts the pipeline with a Prometheus, causes what the dashboards
and alerts are for (load, rejected posts, a dead letter, members that come and go, a frozen store; submissions), and
asks Prometheus for every query of the dashboards and every measure of the alerts. All of them must have data. The lag
alert must fire while the store is frozen, and clear afterwards.

    python3 -u .ci/observe.py
        prints one line per query; needs release builds of loadtest and submissions, check-deploy's target/ci-tools,
        and kcat
"""

import contextlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, "bench")
from processes import LOADTEST, addresses, child, end, wait

from counters import counter
from submissions import submissions

TOOLS = os.path.abspath("target/ci-tools")
PROMETHEUS = f"{TOOLS}/prometheus/usr/bin/prometheus"
NODE_EXPORTER = f"{TOOLS}/node-exporter/usr/bin/prometheus-node-exporter"
# Where the lab's own metrics are scraped.
LAB = "127.0.0.1:9464"
LAG_ALERT = "KafkaLagHigh"


def main():
    failed, began = 0, time.time()
    with contextlib.ExitStack() as stack:
        spawn = lambda *command, **variables: stack.enter_context(child(command, variables))
        up = spawn(
            LOADTEST, "up", "--stack", "native", PROMETHEUS=PROMETHEUS, KAFKA_PARTITIONS="4", KINDS="post,order"
        )  # fmt: skip
        places = wait("the pipeline", lambda: addresses(up), 120, up)
        prometheus = places["Prometheus"]
        exporter = (NODE_EXPORTER, "--web.listen-address=127.0.0.1:9100")
        restarted = spawn(*exporter)
        # A fault, on its own servers and services.
        chaos = spawn(LOADTEST, "chaos", "--one-by-one", "--faults", "poison", "--rate", "50", "--prometheus", LAB)
        wait("chaos", lambda: chaos.poll() is not None, 120, up)
        end(chaos, None)
        restarted.terminate()
        load = spawn(
            LOADTEST, "--target", places["producer"], "--target-metrics", places["producer_admin"],
            "--mongo-uri", places["store"], "--prometheus", LAB, "--rate", "300", "--vus", "50", "--duration", "10m",
            KAFKA_BROKER=places["Kafka"],
        )  # fmt: skip
        rebalances = counter(places["consumer_admin"], "ingest_rebalances_total")
        state = f"{stack.enter_context(tempfile.TemporaryDirectory())}/state.json"
        member = spawn(
            LOADTEST, "consumer", KAFKA_BROKER=places["Kafka"], MONGO_URI=places["store"],
            HOST="127.0.0.1", PORT="0", ADMIN_PORT="0", STATE_FILE=state,
        )  # fmt: skip
        wait("the member to hold partitions", lambda: has_joined(state), 60, up, member)
        for what, expr in (
            ("that the exporter is down", 'up{job="node"} == 0'),
            ("that the member has joined", f'sum(ingest_rebalances_total{{job="consumer"}}) > {rebalances}'),
        ):
            wait(f"Prometheus to see {what}", lambda expr=expr: ask(prometheus, expr, time.time()), 60, up, member)
        spawn(*exporter)
        end(member, signal.SIGTERM)

        frozen_at = time.monotonic()
        with frozen(places["store"]):
            wait(f"{LAG_ALERT} to fire", lambda: LAG_ALERT in firing(prometheus), 150, up, load)
            print(f"ok       {LAG_ALERT} fires, {time.monotonic() - frozen_at:.0f} s after the store froze")
        resumed_at = time.monotonic()
        wait(f"{LAG_ALERT} to clear", lambda: LAG_ALERT not in firing(prometheus), 120, up, load)
        print(f"ok       {LAG_ALERT} has cleared, {time.monotonic() - resumed_at:.0f} s after the store continued")

        spawn(
            f"{TOOLS}/k6", "run", "--quiet", "-o", "experimental-prometheus-rw", "k6/create-post.js",
            BASE_URL=places["producer"], VUS="10", DURATION="40s", K6_PROMETHEUS_RW_TREND_STATS="p(50),p(95),p(99)",
            K6_PROMETHEUS_RW_SERVER_URL=f"{prometheus}/api/v1/write",
        )  # fmt: skip
        # Where prometheus/native.yml expects them. Some attempts fail, so that something is tried again and given up.
        jobs, jobs_admin, working = stack.enter_context(
            submissions(
                ADMIN_PORT="8100", WORK_TIME="100ms", WORK_FAILURES="20", MAX_ATTEMPTS="2", RETRY_BACKOFF="1s"
            )
        )
        spawn(f"{TOOLS}/k6", "run", "--quiet", "k6/submissions.js", BASE_URL=jobs, VUS="5", DURATION="40s")
        for _ in range(5):
            post_a_bad_body(places["producer"])
        poison(places["Kafka"])
        # Each comes after two scrapes, and two evaluations of the rules after them.
        asked, deadline = list(expressions()), time.monotonic() + 90
        while asked:
            is_over = time.monotonic() > deadline
            for name, expr in asked[:]:
                # What an annotation marks is over.
                has_data = ask(prometheus, expr, began if "annotation" in name else time.time())
                if has_data or is_over:
                    asked.remove((name, expr))
                    failed += not has_data
                    print(f"{'ok      ' if has_data else 'NO DATA '} {name}: {expr}")
            if asked:
                time.sleep(1)

        for service in (places["producer_admin"], places["consumer_admin"], f"http://{LAB}", jobs_admin):
            is_well_formed = check_metrics(service)
            failed += not is_well_formed
            print(f"{'ok      ' if is_well_formed else 'FAILED  '} promtool check metrics < {service}/metrics")

        end(load, signal.SIGINT)
        for process in (load, working, up):
            end(process, signal.SIGTERM)
    print(f"{failed} failed" if failed else "every query has data")
    return 1 if failed else 0


def has_joined(state):
    """Whether the consumer whose state is in this file has got partitions."""
    if not os.path.exists(state):
        return False
    with open(state, encoding="utf-8") as file:
        operators = f"http://{json.load(file)['operators_address']}"
    return counter(operators, "ingest_rebalances_total", change="assigned") > 0


def get(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]


def ask(prometheus, expr, since):
    """Whether the query has returned a number since that time."""
    now = time.time()
    query = urllib.parse.urlencode({"query": expr, "start": since, "end": max(since, now), "step": "5s"})
    series = get(f"{prometheus}/api/v1/query_range?{query}")["result"]
    return any(not math.isnan(float(value)) for one in series for _, value in one["values"])


def check_metrics(service):
    with urllib.request.urlopen(f"{service}/metrics", timeout=30) as answer:
        return (
            subprocess.run([f"{TOOLS}/prometheus/usr/bin/promtool", "check", "metrics"], input=answer.read()).returncode
            == 0
        )


def firing(prometheus):
    return {
        alert["labels"]["alertname"]
        for alert in get(f"{prometheus}/api/v1/alerts")["alerts"]
        if alert["state"] == "firing"
    }


def expressions():
    """Every query of the dashboards and every measure of the alerts, with a name."""
    dashboards = sorted(f"grafana/dashboards/{file}" for file in os.listdir("grafana/dashboards"))
    for line in output("python3", ".ci/dashboards.py", "queries", *dashboards).splitlines():
        query = json.loads(line)
        yield f"{query['dashboard']} / {query['panel']} {query['refId']}", query["expr"]
    for measure in output(f"{TOOLS}/venv/bin/python", ".ci/alerts.py", "measures").splitlines():
        yield "alerts", measure


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextlib.contextmanager
def frozen(mongo_uri):
    """Freezes the store, which it finds by the address on its command line."""
    address = re.search(r"127\.0\.0\.1:\d+", mongo_uri)[0]
    pid = next(pid for pid, words in processes() if "ferretdb" in words[0] and address in words)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def processes():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            yield int(pid), file.read().split("\0")


def post_a_bad_body(producer):
    """Sends a post that gets 400."""
    request = urllib.request.Request(f"{producer}/create-post", b"{}", {"content-type": "application/json"})
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=30)


def poison(kafka):
    """Writes a record that is not a post, so it becomes a dead letter."""
    subprocess.run(["kcat", "-P", "-b", kafka, "-t", "post"], input=b"not a post\n", check=True, timeout=60)


if __name__ == "__main__":
    sys.exit(main())
