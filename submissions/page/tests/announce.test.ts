import assert from "node:assert/strict";
import { test } from "node:test";

import { sentence } from "../src/announce";
import { submission } from "./submission";

test("only what is final is said, in one sentence", () => {
  const failed = submission(1, { status: "FAILED", reason: "content has no digit" });
  const passed = [2, 3].map((id) => submission(id, { status: "PASSED" }));
  assert.equal(sentence([]), "");
  assert.equal(sentence([submission(4), submission(5, { status: "PROCESSING" })]), "");
  assert.equal(sentence([submission(4), failed]), "“content 1” is FAILED: content has no digit");
  assert.equal(sentence([...passed, failed]), "3 submissions are final: 2 PASSED, 1 FAILED");
});

test("a long content is cut", () => {
  const long = submission(1, { status: "PASSED", content: "🙂".repeat(200) });
  assert.equal(sentence([long]), `“${"🙂".repeat(40)}” is PASSED`);
});
