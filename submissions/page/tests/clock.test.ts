import assert from "node:assert/strict";
import { test } from "node:test";

import { ServerClock } from "../src/clock";

/** A clock that has seen answers of a server which is ahead by `ahead` milliseconds, every 1.1 s from `start`. */
function observed(ahead: number, start: number, answers: number, clock = new ServerClock()): ServerClock {
  for (let answer = 0; answer < answers; answer += 1) {
    const asked = start + answer * 1100;
    clock.observe(Math.floor((asked + 5 + ahead) / 1000) * 1000, asked, asked + 10);
  }
  return clock;
}

test("many answers narrow the difference down", () => {
  for (const ahead of [-86_400_000, -1234, 0, 1, 499, 500, 999, 3_600_123]) {
    assert.ok(Math.abs(observed(ahead, 1_000_000_000, 1).at(0) - ahead) <= 520, "within a second");
    assert.ok(Math.abs(observed(ahead, 1_000_000_000, 20).at(0) - ahead) <= 110, `${ahead}`);
  }
});

test("a clock that was set is followed", () => {
  const clock = observed(60_000, 1_000_000_000, 20, observed(0, 0, 20));
  assert.ok(Math.abs(clock.at(0) - 60_000) <= 110);
});

test("without an answer both clocks are the same", () => {
  const clock = new ServerClock();
  clock.observe(Number.NaN, 0, 1);
  assert.equal(clock.at(7), 7);
});
