"""The tables of a run, and what submissions is meant to reach."""

import statistics

from generators import spread

TITLES = {
    "enqueue": "single enqueues by 64 clients, ours by HTTP",
    "work": "jobs without work, from a backlog",
    "latency": "from an enqueue's end to the start of the work, and the whole from its begin; the system idle",
    "memory": "one worker with 10,000 jobs that sleep for 5 s at once",
    "rate": "1,000 single posts a second",
}
DIGITS = {"a second": 0, "MB": 0, "at once": 0}

# (measure, figure, subject, peer, how many times the peer's figure it must be at least)
RATIOS = (
    ("enqueue", "a second", "ours, PostgreSQL", "River", 5),
    ("enqueue", "a second", "ours, SQLite", "River", 5),
    ("enqueue", "a second", "ours, PostgreSQL", "graphile-worker", None),
    ("enqueue", "a second", "ours, PostgreSQL", "bare, PostgreSQL", None),
    ("enqueue", "a second", "ours, SQLite", "bare, SQLite", None),
    ("work", "a second", "ours, PostgreSQL", "River", 2),
    ("work", "a second", "ours, PostgreSQL", "graphile-worker", 1.1),
    ("work", "a second", "ours, PostgreSQL", "graphile-worker twice", 1.1),
    ("work", "a second", "ours, PostgreSQL", "bare, PostgreSQL", None),
    ("work", "a second", "ours, SQLite", "bare, SQLite", 0.5),
    ("latency", "whole p50 ms", "ours, PostgreSQL", "River, tuned", None),
    ("memory", "MB", "ours, a worker on PostgreSQL", "River", None),
)
# (measure, figure, what a subject's name begins with, its limit)
LIMITS = (
    ("latency", "start p50 ms", "ours", 1),
    ("latency", "start p99 ms", "ours", 5),
    ("memory", "MB", "ours", 75),
    ("rate", "submit p99 ms", "ours", 50),
    ("rate", "status p99 ms", "ours", 10),
)


def show(found):
    """`found` has the turns of each subject of each measure."""
    for measure, subjects in found.items():
        print(f"\n{measure}: {TITLES[measure]}")
        figures = list(next(iter(subjects.values()))[0])
        print(" " * 30 + "".join(f"{figure:>26}" for figure in figures))
        for subject, turns in subjects.items():
            cells = (spread([turn[figure] for turn in turns], DIGITS.get(figure, 2)) for figure in figures)
            print(f"{subject:30}" + "".join(f"{cell:>26}" for cell in cells))
    goals = [*ratios(found), *limits(found)]
    print("\nin the same rounds" + " " * 52 + "figure      goal")
    for what, value, goal, is_met in goals:
        print(f"{what:64}{value:>12}{goal:>10}{'' if is_met is None else '  met' if is_met else '  missed'}")


def ratios(found):
    for measure, figure, subject, peer, goal in RATIOS:
        if measure in found:
            pairs = zip(found[measure][subject], found[measure][peer])
            ratio = statistics.median(one[figure] / other[figure] for one, other in pairs)
            is_met = None if goal is None else ratio >= goal
            yield f"{measure}: {subject} / {peer}", f"{ratio:.2f}", f"≥ {goal}" if goal else "", is_met


def limits(found):
    for measure, figure, begin, limit in LIMITS:
        for subject, turns in found.get(measure, {}).items():
            if subject.startswith(begin):
                value = statistics.median(turn[figure] for turn in turns)
                yield f"{measure}: {subject}, {figure}", f"{value:.2f}", f"≤ {limit}", value <= limit
