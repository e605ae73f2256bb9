"""Runs each k6 script for a few seconds against a real pipeline, which `loadtest up` starts, or against submissions.
Its thresholds must hold, and the records that its users saw accepted, those that the producer has accepted, and those
that the consumer has stored must be the same number; so must the submissions that were accepted, and the verdicts,
in the clear and over TLS with certificates on both sides.

    python3 -u .ci/k6.py
        needs release builds of loadtest and submissions, and check-deploy's target/ci-tools
"""

import json
import os
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, "bench")
from processes import LOADTEST, addresses, child, end, wait

from counters import accepted, counter, stored
from submissions import submissions

K6 = "target/ci-tools/k6"
# In milliseconds. One stall of the machine is a large part of a run of a few seconds.
P95_MS = "20000"
# Script, kind of its records, and its variables.
RUNS = [
    ("create-post.js", "post", {"VUS": "20"}),
    ("create-order.js", "order", {"VUS": "20", "STATES": "3"}),
    ("create-bulk.js", "post", {"VUS": "5", "KIND": "post", "BULK": "200"}),
    ("create-bulk.js", "order", {"VUS": "5", "KIND": "order", "BULK": "200"}),
]


def main():
    with child([LOADTEST, "up"], {"KINDS": "post,order", "CONSUMER_BATCH_INTERVAL": "1s"}) as up:
        places = wait("the pipeline", lambda: addresses(up), 120, up)
        for script, kind, variables in RUNS:
            before = accepted(places, kind), stored(places, kind)
            seen = run(script, {"BASE_URL": places["producer"], "DURATION": "5s", **variables})
            count = accepted(places, kind) - before[0]
            if not 0 < seen == count:
                sys.exit(f"{script}: its users saw {seen} records accepted, the producer has accepted {count}")
            wait(f"all of {count:.0f} records in the store", lambda: stored(places, kind) - before[1] >= count, 60, up)
            if stored(places, kind) - before[1] != count:
                sys.exit(f"{script}: {count} records are accepted, {stored(places, kind) - before[1]} stored")
            print(f"ok       {script}: {count:.0f} records of the kind {kind} accepted and stored")
        if dead := counter(places["consumer_admin"], "ingest_records_dead_lettered_total"):
            sys.exit(f"{dead:.0f} records are dead letters")
        end(up, signal.SIGTERM)
    with tempfile.TemporaryDirectory() as folder:
        authority, server, client = certificates(folder)
        tls = {"TLS_CERTIFICATE": server, "TLS_KEY": f"{server}.key", "TLS_CLIENT_CA": authority}
        own = {"TLS_CERTIFICATE": client, "TLS_KEY": f"{client}.key", "SSL_CERT_FILE": authority}
        run_submissions("http", {}, {})
        run_submissions("https", tls, own)


def run_submissions(scheme, settings, variables):
    """Nothing of it is in the pipeline. The work is short, so that its users see verdicts in these seconds."""
    with submissions(WORK_TIME="1500ms", **settings) as (address, admin, process):
        address = address.replace("http", scheme, 1)
        seen = run("submissions.js", {"BASE_URL": address, "DURATION": "5s", "VUS": "20", **variables})
        if not 0 < seen == (count := counter(admin, "submissions_accepted_total")):
            sys.exit(f"submissions.js: its users saw {seen} submissions accepted, the API has accepted {count}")
        verdicts = lambda: sum(counter(admin, "submissions_total", status=status) for status in ("PASSED", "FAILED"))
        wait(f"{count:.0f} verdicts", lambda: verdicts() >= count, 60, process)
        if verdicts() != count:
            sys.exit(f"submissions.js: {count} submissions are accepted, {verdicts()} have got a verdict")
        print(f"ok       submissions.js by {scheme}: {count:.0f} submissions accepted, each with one verdict")
        end(process, signal.SIGTERM)


def certificates(folder):
    """The files of an authority, and of certificates for a server on this machine and for its clients; each one's key
    is beside it."""
    authority, server, client = (f"{folder}/{name}.pem" for name in ("authority", "server", "client"))
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    leaf = ("-CA", authority, "-CAkey", f"{authority}.key", "-addext", "basicConstraints=critical,CA:FALSE")
    for file, extensions in (
        (authority, ()),
        (server, (*leaf, "-addext", "subjectAltName=IP:127.0.0.1")),
        (client, leaf),
    ):
        files = ("-subj", f"/CN={os.path.basename(file)}", "-keyout", f"{file}.key", "-out", file)
        subprocess.run(("openssl", "req", "-x509", *kind, *extensions, *files), check=True, capture_output=True)
    return authority, server, client


def run(script, variables):
    """The number of records that the script's users saw accepted. Fails unless its thresholds hold."""
    with tempfile.NamedTemporaryFile(suffix=".json") as summary:
        command = [K6, "run", "--quiet", "--summary-export", summary.name, f"k6/{script}"]
        subprocess.run(command, env={**os.environ, "P95_MS": P95_MS, **variables}, check=True)
        return json.load(summary)["metrics"]["records_accepted"]["count"]


if __name__ == "__main__":
    main()
