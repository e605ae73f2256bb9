#!/bin/sh
# Sends a post, an order and a bulk of posts to the producer, and prints the ids under which they are stored.
#
#   BASE_URL=http://localhost:3000 sh examples/client.sh
#
# Each is stored once, however often it must be sent: a post by its Idempotency-Key, an order by its order_id. In a
# program of your own keep the key beside the data, so that a restart sends the same one; here KEY names it, or it is
# new.
set -eu
base_url=${BASE_URL:-http://localhost:3000}
key=${KEY:-$(cat /proc/sys/kernel/random/uuid)}
tries=10
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# Sends it again while it gets 503, after the seconds that Retry-After names, or while nobody listens; any other answer
# says that sending it again is pointless. Needs curl 7.76 or later.
send() { # PATH BODY [KEY]
  curl --silent --show-error --fail-with-body --output "$answer" --max-time 30 --retry "$tries" --retry-connrefused \
    --header 'content-type: application/json' ${3:+--header "idempotency-key: $3"} \
    ${TOKEN:+--header "authorization: Bearer $TOKEN"} --data "$2" "$base_url$1" ||
    { cat "$answer" >&2; exit 1; }
}

values() { # NAME: the field's values in the answer, on one line
  grep -oE "\"$1\":\"[^\"]*\"" "$answer" | cut -d'"' -f4 | paste -sd' ' -
}

send /create-post '{"title":"Hello","content":"A post from curl, stored once"}' "$key"
echo "post $(values id)"

send /api/orders/ \
  '{"order_id":"'"$key"'","customer_id":"C-1","product_id":"P-1","quantity":2,"price":"19.99"}'
echo "order $(values order_id)"

# The key fixes the id of each position, so the bulk is sent again as a whole while a post of it is unknown or
# unavailable, and what was accepted before stays as it is.
for try in $(seq "$tries"); do
  send /create-posts '[{"title":"Many 0","content":"A post among others, from curl"},
    {"title":"Many 1","content":"A post among others, from curl"},
    {"title":"Many 2","content":"A post among others, from curl"}]' "$key-bulk"
  grep -qE '"(unknown|unavailable)":true' "$answer" || break
  [ "$try" -lt "$tries" ] || { cat "$answer" >&2; exit 1; }
  sleep 1
done
echo "bulk $(values id)"
