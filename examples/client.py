"""Sends a post, an order and a bulk of posts to the producer, and prints the ids under which they are stored.

    BASE_URL=http://localhost:3000 python3 examples/client.py

Each is stored once, however often it must be sent: a post by its Idempotency-Key, an order by its order_id. In a
program of your own keep the key beside the data, so that a restart sends the same one; here KEY names it, or it is new.
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request
import uuid

BASE_URL = os.environ.get("BASE_URL", "http://localhost:3000").rstrip("/")
KEY = os.environ.get("KEY") or str(uuid.uuid4())
TRIES = 10
# Longer than the producer's own PRODUCER_TIMEOUT.
TIMEOUT = 30


def main():
    post = {"title": "Hello", "content": "A post from Python, stored once"}
    print("post", send("/create-post", post, KEY)["id"])

    order = {"order_id": KEY, "customer_id": "C-1", "product_id": "P-1", "quantity": 2, "price": "19.99"}
    print("order", send("/api/orders/", order)["order_id"])

    posts = [{"title": f"Many {n}", "content": "A post among others, from Python"} for n in range(3)]
    print("bulk", *(result["id"] for result in send_bulk(posts, f"{KEY}-bulk")))


def send(path, body, key=None):
    """The answer to a request that was accepted. Sends it again, the same under the same key, while it gets 503 or no
    answer; any other answer says that sending it again is pointless."""
    headers = {"content-type": "application/json", **({"idempotency-key": key} if key else {})}
    if token := os.environ.get("TOKEN"):
        headers["authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{BASE_URL}{path}", json.dumps(body).encode(), headers)
    for attempt in range(TRIES):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            why, pause = f"{error.code} {error.read().decode()}", error.headers.get("retry-after")
            if error.code != 503:
                sys.exit(f"{path}: {why}")
        except OSError as error:
            # Not connected, or cut off: nobody knows whether it is stored.
            why, pause = error, None
        time.sleep(int(pause) if pause and pause.isdigit() else min(2**attempt, TIMEOUT))
    sys.exit(f"{path}: given up after {TRIES} tries: {why}")


def send_bulk(posts, key):
    """The result of each post, once all are accepted. The key fixes the id of each position, so the bulk is sent again
    as a whole, and what was accepted before stays as it is."""
    for _ in range(TRIES):
        results = send("/create-posts", posts, key)["results"]
        if wrong := [result for result in results if "errors" in result]:
            sys.exit(f"/create-posts: {wrong}")
        if all("id" in result for result in results):
            return results
        time.sleep(1)
    sys.exit(f"/create-posts: given up after {TRIES} tries: {results}")


if __name__ == "__main__":
    main()
