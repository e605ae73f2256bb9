"""What Schemathesis cannot know about the requests of the producer and of submissions."""

import json
import re

import schemathesis
from hypothesis import strategies as st

# Valid for each kind, and as a submission: other fields are dropped.
RECORD = {
    "title": "A title", "content": "Some content, long enough",
    "order_id": "A-17", "customer_id": "C-1", "product_id": "P-1", "quantity": 2, "price": "19.99",
}  # fmt: skip

# One line at least is valid, as an array must hold a valid record. Any other line only gets errors of its own.
OTHERS = st.lists(st.just(json.dumps(RECORD)) | st.text(st.characters(codec="utf-8", exclude_characters="\n")))
LINES = st.tuples(OTHERS, OTHERS).map(lambda others: "\n".join([*others[0], json.dumps(RECORD), *others[1]]))

IDEMPOTENCY_KEY = "#/components/parameters/IdempotencyKey"

schemathesis.openapi.media_type("application/x-ndjson", LINES.map(str.encode))


@schemathesis.hook
def before_load_schema(context, schema):
    """Prepares the bodies: those that are made as above need examples in bytes, and bulks of 10,001 records, which
    the producer's own tests send, would take minutes to make. Submissions remember every key, so those that are made
    up, which repeat with other bodies, would only look as if valid requests were rejected."""
    # The services under test ask for no keys.
    schema["components"].pop("securitySchemes")
    is_of_submissions = schema["info"]["title"] == "Submissions"
    for methods in schema["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)
            if is_of_submissions:
                parameters = operation.get("parameters", [])
                operation["parameters"] = [one for one in parameters if one.get("$ref") != IDEMPOTENCY_KEY]
            for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
                content["schema"].pop("maxItems", None)
                if media_type == "application/x-ndjson":
                    for example in content["examples"].values():
                        example["value"] = example["value"].encode()


# No notation for characters beyond U+FFFF is common to all that read patterns, so the schema lets these ids through.
INVISIBLE = re.compile("[\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]")


@schemathesis.hook
def filter_body(context, body):
    return isinstance(body, bytes) or not INVISIBLE.search(json.dumps(body, ensure_ascii=False, default=str))
