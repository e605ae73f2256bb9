"""The processes that a measuring script starts, and their output. They end with the script, even if it is killed."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

# LOADTEST can name another build.
LOADTEST = os.environ.get("LOADTEST", "target/release/loadtest")

libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def child(command, variables, folder=None):
    """A process whose output is kept, and which ends with this one, even if this one is killed."""
    # Services serve posts, which is what the scripts measure, unless they say otherwise.
    environment = {**os.environ, "KINDS": "post", **variables}
    die_with_parent = lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent,
        )
        process.output = output
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


def text(process):
    """What it has printed so far."""
    # Opened a second time: seeking in the file that both have would move the place where the process writes next.
    with open(f"/proc/self/fd/{process.output.fileno()}") as output:
        return output.read()


def end(process, how):
    """Ends it with the signal `how`, or waits until it ends by itself; fails unless it succeeds."""
    if how:
        process.send_signal(how)
    if process.wait(timeout=120) != 0:
        sys.exit(f"{' '.join(process.args)} ended with {process.returncode}:\n{text(process)}")


def wait(what, reached, seconds, *needed):
    """The first true result of `reached`. The processes that it needs must not end before."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if result := reached():
            return result
        for process in needed:
            if process.poll() is not None:
                sys.exit(f"{' '.join(process.args)} ended before {what} came:\n{text(process)}")
        time.sleep(0.5)
    sys.exit(f"waited {seconds} s for {what}, which did not come")


def addresses(up):
    """Where everything is, as `loadtest up` has printed it; nothing before it is up. The metrics of the producer are at
    `producer_admin`, for instance."""
    places = dict(re.findall(r"^(producer|consumer|Kafka|store|Prometheus) +(\S+)", text(up), re.MULTILINE))
    if "Prometheus" in places:
        pages = re.findall(r"^(producer|consumer) .* metrics: (\S+)", text(up), re.MULTILINE)
        places |= {f"{name}_admin": page for name, page in pages}
        # It prints pages for a browser; their paths are cut off.
        return {name: re.sub(r"(http://[^/]+)/.*", r"\1", place) for name, place in places.items()}
