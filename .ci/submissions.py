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
    """The address, that of its metrics, and the process, once it is ready. The ports are free ones, unless PORT and
    ADMIN_PORT are among the variables."""
    with tempfile.TemporaryDirectory() as folder:
        state = f"{folder}/state.json"
        own = {"HOST": "127.0.0.1", "PORT": "0", "ADMIN_PORT": "0", "STATE_FILE": state}
        database = {"DATABASE_URL": f"sqlite:{folder}/submissions.db"}
        with child([PROGRAM], {**own, **database, **variables}) as process:
            wait("the address of submissions", lambda: os.path.exists(state), 30, process)
            with open(state, encoding="utf-8") as file:
                listening = json.load(file)
            address, admin = (f"http://{listening[name]}" for name in ("address", "operators_address"))
            wait("submissions", lambda: is_ready(admin), 30, process)
            yield address, admin, process


def is_ready(address):
    with contextlib.suppress(urllib.error.URLError), urllib.request.urlopen(f"{address}/readyz", timeout=5):
        return True
