import assert from "node:assert/strict";
import { test } from "node:test";

import { type Shown, shown } from "../src/shown";
import { span } from "../src/span";
import type { Submission } from "../src/types";
import examples from "./shown.json";

interface Example {
  now: string;
  stuck_after_ms: number;
  submission: Submission;
  shown: Shown;
}

test("a submission is shown as the server shows it", () => {
  for (const { now, stuck_after_ms, submission, shown: texts } of examples as Example[]) {
    assert.deepEqual(shown(submission, Date.parse(now), stuck_after_ms), texts);
  }
});

test("spans have their two largest units", () => {
  const shown = [-5, 0, 999, 59_999, 61_000, 3_600_000, 11_520_000, 90_000_000].map(span);
  assert.deepEqual(shown, ["0 s", "0 s", "0 s", "59 s", "1 min 1 s", "1 h 0 min", "3 h 12 min", "1 d 1 h"]);
});
