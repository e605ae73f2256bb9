"""Submissions in one process, on a file of their own."""

import contextlib
import json
import os
import tempfile
import urllib.error
import urllib.request

from processes import child, wait

# SUBMISSIONS can name another build.
PROGRAM = os.environ.get("SUBMISSIONS", "target/release/submissions")


@contextlib.contextmanager
def submissions(**variables):
    """The address and the process, once it is ready. The port is a free one, unless PORT is among the variables."""
    with tempfile.TemporaryDirectory() as folder:
        state = f"{folder}/state.json"
        own = {"HOST": "127.0.0.1", "PORT": "0", "DATABASE_URL": f"sqlite:{folder}/submissions.db", "STATE_FILE": state}
        with child([PROGRAM], {**own, **variables}) as process:
            wait("the address of submissions", lambda: os.path.exists(state), 30, process)
            with open(state, encoding="utf-8") as file:
                address = f"http://{json.load(file)['address']}"
            wait("submissions", lambda: is_ready(address), 30, process)
            yield address, process


def is_ready(address):
    with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(f"{address}/readyz", timeout=5):
        return True
