import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, merge } from "../src/merge";
import type { Submission } from "../src/types";
import type { ListView } from "../src/view";
import { later, submission } from "./submission";

const ALL: ListView = { kind: "list", status: null, after: null };
const list = [3, 2, 1].map((id) => submission(id));
const ids = (submissions: Submission[]) => submissions.map(({ id }) => Number(id.slice(-12)));

test("a new one comes to its place, and the list keeps its length", () => {
  assert.deepEqual(ids(merge(list, submission(4), ALL, 10)), [4, 3, 2, 1]);
  assert.deepEqual(ids(merge(list, submission(4), ALL, 3)), [4, 3, 2]);
  assert.deepEqual(ids(merge(list, submission(0), ALL, 3)), [3, 2, 1]);
  assert.deepEqual(ids(merge([], submission(1), ALL, 3)), [1]);
});

test("one that is there is replaced, unless it is older than that", () => {
  const passed = submission(2, { status: "PASSED", changed_at: later(5) });
  const merged = merge(list, passed, ALL, 10);
  assert.deepEqual(ids(merged), [3, 2, 1]);
  assert.equal(merged[1], passed);
  assert.equal(merge(merged, submission(2), ALL, 10), merged);
  const retried = submission(2, { series: 2, changed_at: later(5) });
  assert.equal(merge(merged, retried, ALL, 10)[1], retried);
  assert.equal(merge(merge(merged, retried, ALL, 10), passed, ALL, 10)[1], retried, "of an earlier series");
});

test("what the view does not show leaves it, or never comes", () => {
  const pending: ListView = { ...ALL, status: "PENDING" };
  assert.deepEqual(ids(merge(list, submission(2, { status: "CANCELLED", changed_at: later(1) }), pending, 10)), [3, 1]);
  const older: ListView = { ...ALL, after: submission(4).id };
  assert.deepEqual(ids(merge(list, submission(4), older, 10)), [3, 2, 1]);
  assert.deepEqual(ids(merge(list, submission(5), older, 10)), [3, 2, 1]);
});

test("merging in any sequence ends with the newest of each, in order", () => {
  // All versions of five submissions, in a hundred sequences that a small generator of numbers shuffles.
  const versions = [1, 2, 3, 4, 5].flatMap((id) => [0, 1, 2].map((at) => submission(id, { changed_at: later(at) })));
  let seed = 19;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 100; round += 1) {
    const sequence = [...versions];
    for (let index = sequence.length - 1; index > 0; index -= 1) {
      const other = random(index + 1);
      [sequence[index], sequence[other]] = [sequence[other]!, sequence[index]!];
    }
    const merged = sequence.reduce((merged, one) => merge(merged, one, ALL, 10), [] as Submission[]);
    assert.deepEqual(ids(merged), [5, 4, 3, 2, 1]);
    assert.ok(merged.every(({ changed_at }) => changed_at === later(2)));
  }
});

test("only those that were there and have another status have changed", () => {
  const after = [submission(4), submission(3, { status: "PROCESSING" }), submission(2, { reason: "another" })];
  assert.deepEqual(ids(changed(list, after)), [3]);
});
