"""A PostgreSQL of its own for a run: durable commits, on loopback, and gone with the driver."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

from processes import child, text, wait

# Checkpoints would fall into some turns and not into others; else the defaults, so commits are durable.
SETTINGS = ("max_connections=200", "shared_buffers=256MB", "max_wal_size=8GB", "checkpoint_timeout=1h")


class Postgres:
    def __init__(self, port, programs):
        self.port, self.programs = port, programs

    def url(self, database):
        return f"postgres://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable"

    @contextlib.contextmanager
    def database(self, name):
        """The URL of a fresh database, which is dropped at the end."""
        self.ask("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.ask("postgres", f"CREATE DATABASE {name}")
        self.ask("postgres", "CHECKPOINT")
        try:
            yield self.url(name)
        finally:
            self.ask("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def ask(self, database, command):
        done = subprocess.run((*self.psql(self.url(database)), "-c", command), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    @contextlib.contextmanager
    def session(self, url):
        """A function that answers a query for one value, by a connection that stays: a look costs next to nothing."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        with subprocess.Popen(self.psql(url), **pipes) as psql:

            def value(query):
                psql.stdin.write(query + ";\n")
                answer = psql.stdout.readline()
                assert answer, f"no answer to {query}"
                return answer.strip()

            yield value

    def psql(self, url):
        return (os.path.join(self.programs, "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", url)


@contextlib.contextmanager
def postgres():
    """Starts one. It cannot run as root, so for root it runs as another user, to whom its directory belongs."""
    programs = os.path.dirname(os.path.realpath(shutil.which("initdb") or "/usr/lib/postgresql/15/bin/initdb"))
    with tempfile.TemporaryDirectory(prefix="bench-jobs-") as folder:
        # setpriv clears the signal that a child gets when its parent ends, unless it sets it itself.
        prefix = ("setpriv", "--pdeathsig", "INT")
        if os.getuid() == 0:
            user = other_user()
            os.chown(folder, user.pw_uid, user.pw_gid)
            prefix += (f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
        data = os.path.join(folder, "data")
        initdb = (os.path.join(programs, "initdb"), "-D", data, "-U", "postgres", "--auth=trust", "--locale=C")
        subprocess.run((*prefix, *initdb, "--encoding=UTF8"), check=True, stdout=subprocess.DEVNULL, cwd=folder)
        port = free_port()
        here = ("listen_addresses=127.0.0.1", f"unix_socket_directories={folder}", *SETTINGS)
        settings = [argument for setting in here for argument in ("-c", setting)]
        command = (*prefix, os.path.join(programs, "postgres"), "-D", data, "-p", str(port), *settings)
        with child(command, {}) as process:
            server = Postgres(port, programs)
            ready = (os.path.join(programs, "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port))
            wait("PostgreSQL", lambda: subprocess.run(ready).returncode == 0, 60, process)
            try:
                yield server
            finally:
                # On SIGTERM it would wait for all that are still connected.
                process.send_signal(signal.SIGINT)
                process.wait()


def other_user():
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise SystemExit("PostgreSQL cannot run as root, and there is no user `postgres` or `nobody`")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
