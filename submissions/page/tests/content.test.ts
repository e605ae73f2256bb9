import assert from "node:assert/strict";
import { test } from "node:test";

import { counterOf, faultOf } from "../src/content";

test("characters count as the server counts them", () => {
  assert.equal(counterOf("äöü🙂", 10_000), "4 of 10,000 characters");
  assert.equal(faultOf("🙂".repeat(10), 10), null);
  assert.equal(faultOf("🙂".repeat(11), 10), "Too long by 1 character.");
  assert.equal(faultOf("x".repeat(1_244), 10), "Too long by 1,234 characters.");
});

test("what nobody can see is nothing", () => {
  for (const blank of ["", " ", "\n\t\u{a0}\u{2003}"]) assert.equal(faultOf(blank, 10), "Write something first.");
  assert.equal(faultOf(" x ", 10), null);
});
