/** The rows of the list. */

import type { ServerClock } from "./clock";
import { find, made, say, show } from "./dom";
import { shown } from "./shown";
import type { Submission } from "./types";

export class Rows {
  readonly #list = find("#rows");
  readonly #heading = find("#list");
  readonly #empty = find("#empty");
  readonly #clock: ServerClock;
  readonly #stuckAfter: number;
  #submissions: Submission[] = [];

  /** What is PROCESSING for longer than `stuckAfter` milliseconds is marked as stuck. */
  constructor(clock: ServerClock, stuckAfter: number) {
    this.#clock = clock;
    this.#stuckAfter = stuckAfter;
  }

  /** What is shown, from the newest to the oldest. */
  get submissions(): Submission[] {
    return this.#submissions;
  }

  /** Shows these in place of others. A row that stays is the same element, so it keeps the focus. */
  show(submissions: Submission[]): void {
    this.#submissions = submissions;
    const rows = new Map([...this.#list.children].map((row) => [(row as HTMLElement).dataset.id, row as HTMLElement]));
    const wanted = new Set(submissions.map(({ id }) => id));
    const focused = [...this.#list.children].findIndex((row) => row.contains(document.activeElement));
    // First what goes: then none that stays has to move, which would lose the focus, too.
    for (const [id, row] of rows) if (id === undefined || !wanted.has(id)) row.remove();
    submissions.forEach(({ id }, index) => {
      const row = rows.get(id) ?? newRow(id);
      const there = this.#list.children[index] ?? null;
      if (there !== row) this.#list.insertBefore(row, there);
    });
    this.tick();
    this.#list.hidden = submissions.length === 0;
    this.#empty.hidden = submissions.length > 0;
    if (focused !== -1 && !this.#list.contains(document.activeElement)) this.#focusNear(focused);
  }

  /** Brings the times up to date. */
  tick(): void {
    const now = this.#clock.at(Date.now());
    this.#submissions.forEach((submission, index) => {
      const row = this.#list.children[index] as HTMLElement;
      show(row, submission.status, shown(submission, now, this.#stuckAfter));
    });
  }

  /** Says why there are no rows. */
  explain(text: string): void {
    say(this.#empty, text);
  }

  #focusNear(index: number): void {
    const row = this.#list.children[Math.min(index, this.#list.children.length - 1)] as HTMLElement | undefined;
    (row ? find("[data-home]", row) : this.#heading).focus();
  }
}

/** A row that nothing is written in yet. */
function newRow(id: string): HTMLElement {
  const row = made("row");
  row.id = `s-${id}`;
  row.dataset.id = id;
  find<HTMLAnchorElement>("a", row).href = `./submissions/${id}`;
  for (const form of row.querySelectorAll("form")) form.action = `./submissions/${id}/${form.dataset.action}`;
  return row;
}
