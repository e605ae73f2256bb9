import assert from "node:assert/strict";
import { test } from "node:test";

import { type ListView, headingOf, listView, olderView, queryOf } from "../src/view";
import { submission } from "./submission";

const after = submission(7).id;

test("a view and its query are the same", () => {
  const views: ListView[] = [
    { kind: "list", status: null, after: null },
    { kind: "list", status: "FAILED", after: null },
    { kind: "list", status: null, after },
    { kind: "list", status: "CANCELLED", after },
  ];
  for (const view of views) assert.deepEqual(listView(queryOf(view)), view);
  assert.equal(queryOf(views[0]!), "");
});

test("what a query cannot mean is left out", () => {
  for (const query of ["?status=failed", "?status=", "?after=7", "?after=", "?other=1", "?", ""]) {
    assert.equal(queryOf(listView(query)), "", query);
  }
});

test("the older ones are those that the API names", () => {
  const view = listView("?status=FAILED");
  const next = `/api/submissions?status=FAILED&after=${after}&limit=25`;
  assert.deepEqual(olderView(view, next), { ...view, after });
  assert.equal(olderView(view, null), null);
  assert.equal(headingOf({ ...view, after }), "FAILED submissions, older ones");
});
