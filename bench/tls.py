"""What does TLS between clients and the producer cost, beside plaintext in the same rounds? And do clients that never
end their handshake disturb the others?

    python3 bench/tls.py [ROUNDS [SECONDS [HELD]]]
        needs a release build of loadtest, wrk and openssl; by default 3 rounds of 3 s, and 10,000 handshakes

Each turn has a fresh producer on one broker. With kept connections the cost is that of the records' encryption; with a
connection for each post it is that of the handshake, which resumes no session, because wrk keeps no tickets. CPU is the
producer's, in µs a post. Last, ten modest clients of the lab send 200 posts a second over TLS: alone, and beside HELD
connections of which each has sent the start of a hello. Those that are displaced are opened again.
"""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading

from generators import WRK_SCRIPT, output, print_rows, spread
from performance import turn
from processes import LOADTEST, child, end, wait
from stalls import broker_behind

CONNECTIONS = 64
CLOSING = WRK_SCRIPT + '\nwrk.headers["Connection"] = "close"\n'
COLUMNS = [
    ("posts/s", "rate", 0, 30),
    ("CPU µs a post", "cpu", 1, 26),
    ("p50 ms", "p50", 2, 24),
    ("p99 ms", "p99", 2, 24),
]
# A record of a handshake, and the start of a hello of 508 bytes.
BEGINNING = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
PORT = 3900


def main(rounds=3, seconds=3, held=10_000):
    with tempfile.TemporaryDirectory() as folder, broker_behind(0) as broker:
        tls = certificate(folder)
        for title, script in (("connections are kept", WRK_SCRIPT), ("a connection for each post", CLOSING)):
            found = {"plaintext": [], "TLS": []}
            for _ in range(rounds):
                for name, settings in (("plaintext", {}), ("TLS", tls)):
                    with producer(broker, settings) as (url, pid):
                        found[name].append(turn(url, pid, CONNECTIONS, script, 1, seconds, folder))
            print(f"\n{CONNECTIONS} connections of wrk, {title}")
            print_rows(COLUMNS, found)
        quiet, beside = [], []
        for _ in range(rounds):
            with producer(broker, tls) as (url, _):
                quiet.append(modest(url, seconds, folder))
                with unfinished(held):
                    beside.append(modest(url, seconds, folder))
        ratio = spread([b / q for q, b in zip(quiet, beside)], 2)
        print(f"\np99 in ms of ten modest clients: alone {spread(quiet, 2)}, beside {held:,} unfinished handshakes")
        print(f"{spread(beside, 2)}, ratio {ratio}")


def certificate(folder):
    """A certificate that is its own authority, as the producer's settings."""
    own, key = os.path.join(folder, "own.pem"), os.path.join(folder, "own.key")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    output(("openssl", "req", "-x509", *kind, *names, "-keyout", key, "-out", own))
    return {"TLS_CERTIFICATE": own, "TLS_KEY": key}


@contextlib.contextmanager
def producer(broker, settings):
    """Where a fresh producer listens, and its process."""
    own = {"KAFKA_BROKER": broker, "HOST": "127.0.0.1", "PORT": str(PORT), "ADMIN_PORT": str(PORT + 1), "LOG": "warn"}
    with child((LOADTEST, "producer"), {**own, **settings}) as process:
        ready = ("curl", "-fs", f"http://127.0.0.1:{PORT + 1}/readyz")
        wait("the producer", lambda: subprocess.run(ready, capture_output=True).returncode == 0, 30, process)
        yield f"{'https' if settings else 'http'}://127.0.0.1:{PORT}", process.pid
        end(process, signal.SIGTERM)


def modest(url, seconds, folder):
    load = ("--vus", "10", "--rate", "200", "--warm-up", "1s", "--duration", f"{seconds + 1}s", "--no-reconcile")
    output((LOADTEST, "--target", url, "--ca", os.path.join(folder, "own.pem"), *load, "--report", folder))
    with open(os.path.join(folder, "report.json")) as file:
        return json.load(file)["latency_ms"]["p99"]


@contextlib.contextmanager
def unfinished(count):
    """This many connections, opened again as they end."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    is_over, streams = threading.Event(), []

    def opened():
        stream = socket.create_connection(("127.0.0.1", PORT))
        stream.sendall(BEGINNING)
        stream.setblocking(False)
        return stream

    def keep():
        while not is_over.is_set():
            for place, stream in enumerate(streams):
                with contextlib.suppress(BlockingIOError, OSError):
                    if stream.recv(1) == b"" and not is_over.is_set():
                        stream.close()
                        streams[place] = opened()
            is_over.wait(1)

    streams.extend(opened() for _ in range(count))
    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield
    finally:
        is_over.set()
        keeper.join()
        for stream in streams:
            stream.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
