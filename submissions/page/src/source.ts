/** Where updates come from. Everything else sees only a [`Source`]: a push would be another one. */

import { waitAfter } from "./backoff";
import type { Stats, Submission, SubmissionPage, Worker } from "./types";
import type { View } from "./view";

/** What a view shows now. */
export interface State {
  /** The list's, or the one submission, or null if there is none. */
  page: SubmissionPage | null;
  one: Submission | null;
  stats: Stats | null;
  /** All workers, where the page shows them: administrators alone may ask. */
  workers: Worker[] | null;
}

/** The state, or why it is not known. */
export type Update = { state: State } | { error: unknown };

export interface Source {
  /** What the view shows, now and whenever it may have changed, until the signal. */
  updates(view: View, signal: AbortSignal): AsyncGenerator<Update, void>;
  /** Something has changed here: what was asked for before is out of date. */
  refresh(): void;
}

/** What polling needs of the browser. */
export interface Surroundings {
  /** Waits until somebody can see the page. */
  visible(signal: AbortSignal): Promise<void>;
  /** Waits for this many milliseconds, or until the signal. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** Asks once a second while the page is visible, and less often while there is no answer. */
export class Polling implements Source {
  readonly #look: (view: View, signal: AbortSignal) => Promise<State>;
  readonly #surroundings: Surroundings;
  #turn = new AbortController();

  constructor(look: (view: View, signal: AbortSignal) => Promise<State>, surroundings: Surroundings) {
    this.#look = look;
    this.#surroundings = surroundings;
  }

  async *updates(view: View, signal: AbortSignal): AsyncGenerator<Update, void> {
    let failures = 0;
    while (!signal.aborted) {
      await this.#surroundings.visible(signal);
      if (signal.aborted) return;
      // From here until its pause ends, a refresh ends the turn: a late answer could show what was before.
      this.#turn = new AbortController();
      const turn = AbortSignal.any([signal, this.#turn.signal]);
      const update = await this.#look(view, turn).then(
        (state): Update => ({ state }),
        (error: unknown): Update => ({ error }),
      );
      if (turn.aborted) continue;
      failures = "error" in update ? failures + 1 : 0;
      yield update;
      await this.#surroundings.pause(waitAfter(failures), turn);
    }
  }

  refresh(): void {
    this.#turn.abort();
  }
}
