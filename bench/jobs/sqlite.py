"""What SQLite can do at best, when only the loop is there: by Python's module, whose loops over rows are in C."""

import contextlib
import os
import sqlite3
import tempfile
import time

TABLE = """CREATE TABLE bare (
    id INTEGER PRIMARY KEY, status INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0, content TEXT NOT NULL
)"""
INSERT = "INSERT INTO bare (content) VALUES (?)"
CLAIM = """UPDATE bare SET status = 1, fence = fence + 1 WHERE id IN (
    SELECT id FROM bare WHERE id > ? AND status = 0 ORDER BY id LIMIT ?
) RETURNING fence, id, content"""
FINISH = "UPDATE bare SET status = 2 WHERE fence = ? AND id = ? AND status = 1"


@contextlib.contextmanager
def bare():
    """A connection to a fresh file with durable commits."""
    with tempfile.TemporaryDirectory(prefix="bench-jobs-") as folder:
        path = os.path.join(folder, "bare.db")
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(TABLE)
            yield connection


def insert(connection, contents):
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(INSERT, contents)
    connection.execute("COMMIT")


def inserts(batch, seconds, content):
    """Rows a second in transactions of this size, as the submissions of this many callers share one."""
    with bare() as connection:
        count, began = 0, time.monotonic()
        while time.monotonic() < began + seconds:
            insert(connection, [(content(count + place),) for place in range(batch)])
            count += batch
        return count / (time.monotonic() - began)


def claims(jobs, batch, content):
    """Rows a second that are claimed and finished, each in one transaction of this size."""
    with bare() as connection:
        insert(connection, ((content(number),) for number in range(jobs)))
        last, began = 0, time.monotonic()
        while claimed := connection.execute(CLAIM, (last, batch)).fetchall():
            last = max(id for _, id, _ in claimed)
            connection.execute("BEGIN IMMEDIATE")
            finished = connection.executemany(FINISH, [(fence, id) for fence, id, _ in claimed]).rowcount
            connection.execute("COMMIT")
            assert finished == len(claimed), "a fence did not hold"
        seconds = time.monotonic() - began
        assert connection.execute("SELECT count(*) FROM bare WHERE status <> 2").fetchone() == (0,)
        return jobs / seconds
