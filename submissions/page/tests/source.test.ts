import assert from "node:assert/strict";
import { test } from "node:test";

import { waitAfter } from "../src/backoff";
import { Polling, type State, type Surroundings, type Update } from "../src/source";
import { listView } from "../src/view";

const view = listView("");
const state = (stuck: number): State => ({
  page: null,
  one: null,
  stats: {
    statuses: { PENDING: 0, PROCESSING: 0, PASSED: 0, FAILED: 0, CANCELLED: 0 },
    oldest_pending_seconds: null,
    stuck,
    dead_letters: 0,
  },
  workers: [],
});
const stuck = (update: Update | void) => (update && "state" in update ? update.state.stats?.stuck : update);

/** Surroundings in which no time passes; they note each pause. */
function timeless(): Surroundings & { pauses: number[] } {
  const pauses: number[] = [];
  return {
    pauses,
    visible: () => Promise.resolve(),
    pause: (milliseconds) => {
      pauses.push(milliseconds);
      return Promise.resolve();
    },
  };
}

test("it waits longer after each failure, and a second after an answer", async () => {
  let look = 0;
  const surroundings = timeless();
  const polling = new Polling(() => {
    look += 1;
    return look % 4 === 0 ? Promise.resolve(state(look)) : Promise.reject(new Error("away"));
  }, surroundings);
  const seen: (string | number | undefined)[] = [];
  for await (const update of polling.updates(view, new AbortController().signal)) {
    seen.push("error" in update ? (update.error as Error).message : (stuck(update) as number));
    if (seen.length === 6) break;
  }
  assert.deepEqual(seen, ["away", "away", "away", 4, "away", "away"]);
  assert.deepEqual(surroundings.pauses, [2000, 4000, 8000, 1000, 2000]);
  assert.equal(waitAfter(50), 15_000);
});

test("a refresh ends the pause, and drops an answer to what was asked before", async () => {
  const surroundings = timeless();
  const answers: ((state: State) => void)[] = [];
  const polling = new Polling(() => new Promise((resolve) => answers.push(resolve)), surroundings);
  const updates = polling.updates(view, new AbortController().signal);
  const first = updates.next();
  await settled();
  polling.refresh();
  answers[0]!(state(1));
  await settled();
  answers[1]!(state(2));
  assert.equal(stuck((await first).value), 2);

  // Now it pauses for as long as nobody refreshes.
  surroundings.pause = (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
  const second = updates.next();
  await settled();
  assert.equal(answers.length, 2);
  polling.refresh();
  await settled();
  answers[2]!(state(3));
  assert.equal(stuck((await second).value), 3);
});

test("it asks for nothing while nobody can see the page, and ends with its signal", async () => {
  const surroundings = timeless();
  let see = () => {};
  surroundings.visible = (signal) =>
    new Promise((resolve) => {
      see = resolve;
      signal.addEventListener("abort", () => resolve());
    });
  let looks = 0;
  const polling = new Polling(() => Promise.resolve(state((looks += 1))), surroundings);
  const end = new AbortController();
  const updates = polling.updates(view, end.signal);
  const first = updates.next();
  await settled();
  assert.equal(looks, 0);
  see();
  assert.equal(stuck((await first).value), 1);
  const second = updates.next();
  await settled();
  end.abort();
  assert.equal((await second).done, true);
  assert.equal(looks, 1);
});

/** Lets everything happen that waits for nothing but its turn. */
const settled = () => new Promise((resolve) => setImmediate(resolve));
