"""Shows what .ci/check-deploy needs to know about prometheus/rules and prometheus/tests. The argument is one of:

check     names every alert that breaks a convention; fails if there is one
measures  what the alerts compare with a number, one per line: each must have a value in a healthy system

Runs in target/ci-tools/venv, which has a YAML parser.
"""

import glob
import re
import sys

from ruamel.yaml import YAML

# `measure OP number`, perhaps several joined by `and`; a rule records each measure.
COMPARISON = re.compile(r"([a-z_]\w*:\w+:\w+) (?:>|>=|<|<=|==|!=) [0-9.]+")


def load(pattern):
    for path in sorted(glob.glob(pattern)):
        with open(path, encoding="utf-8") as file:
            yield YAML(typ="safe", pure=True).load(file)


def rules():
    return [rule for file in load("prometheus/rules/*.yml") for group in file["groups"] for rule in group["rules"]]


def measures(expr):
    """The measures of an alert's expression; none if it does not have this form."""
    comparisons = [COMPARISON.fullmatch(part) for part in expr.strip().split(" and ")]
    return [comparison[1] for comparison in comparisons] if all(comparisons) else []


def errors(alert, recorded, headings, fires, stays_silent):
    name, annotations = alert["alert"], alert.get("annotations", {})
    if not measures(alert["expr"]):
        yield "its expr is not `measure OP number`, joined by `and`"
    for measure in measures(alert["expr"]):
        if measure not in recorded:
            yield f"{measure} is not recorded"
    if alert.get("labels", {}).get("severity") not in ("warning", "critical"):
        yield "its severity is neither warning nor critical"
    for annotation in ("summary", "description"):
        if not annotations.get(annotation):
            yield f"it has no {annotation}"
    if annotations.get("runbook_url") != f"docs/runbook.md#{name.lower()}":
        yield f"its runbook_url is not docs/runbook.md#{name.lower()}"
    if name not in headings:
        yield "docs/runbook.md has no heading for it"
    if name not in fires:
        yield "no test lets it fire"
    if name not in stays_silent:
        yield "no test lets it stay silent"


def check():
    tests = [
        case
        for file in load("prometheus/tests/*.yml")
        for test in file["tests"]
        for case in test.get("alert_rule_test", [])
    ]
    fires = {case["alertname"] for case in tests if case.get("exp_alerts")}
    stays_silent = {case["alertname"] for case in tests if not case.get("exp_alerts")}
    with open("docs/runbook.md", encoding="utf-8") as file:
        headings = re.findall(r"^## (\w+)$", file.read(), re.MULTILINE)
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    alerts = [rule for rule in rules() if "alert" in rule]
    found = [f"{a['alert']}: {error}" for a in alerts for error in errors(a, recorded, headings, fires, stays_silent)]
    found += [
        f"{name}: docs/runbook.md has it, but the rules do not" for name in set(headings) - {a["alert"] for a in alerts}
    ]
    print("\n".join(sorted(found)))
    return 1 if found or not alerts else 0


def list_measures():
    print("\n".join(sorted({measure for rule in rules() if "alert" in rule for measure in measures(rule["expr"])})))
    return 0


if __name__ == "__main__":
    sys.exit({"check": check, "measures": list_measures}[sys.argv[1]]())
