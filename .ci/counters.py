"""What the services have counted."""

import re
import urllib.request


def counter(service, name, **labels):
    """The sum of the metric's series that have these labels, of the service that shows its metrics here."""
    with urllib.request.urlopen(f"{service}/metrics", timeout=30) as answer:
        lines = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", answer.read().decode(), re.MULTILINE)
    matches = lambda found: all(f'{label}="{value}"' in found for label, value in labels.items())
    return sum(float(value) for found, value in lines if matches(found))


def accepted(places, kind):
    """Records of the kind that the producer has accepted."""
    return counter(places["producer_admin"], "ingest_records_accepted_total", kind=kind)


def stored(places, kind):
    """Records of the kind whose document is in the store: written for them, before them, or for a later record."""
    return sum(
        counter(places["consumer_admin"], f"ingest_records_{name}_total", kind=kind)
        for name in ("stored", "duplicate", "superseded")
    )
