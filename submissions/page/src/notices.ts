/** What the page says besides its list: notices that everybody sees, and changes that a screen reader says. */

import { sentence } from "./announce";
import { Refused } from "./api";
import { find, say } from "./dom";
import type { Submission } from "./types";

/** The shortest time between two announcements of changes, in milliseconds. */
const QUIET = 3000;

/** How long it is shown that something was done, in milliseconds. */
const SHOWN = 10_000;

export class Notices {
  readonly #notice = find("#notice");
  readonly #connection = find("#connection");
  /** Only where somebody is signed in. */
  readonly #signedOut = document.querySelector<HTMLElement>("#signed-out");
  readonly #announcement = find("#announcement");
  #waiting: Submission[] = [];
  #end: ReturnType<typeof setTimeout> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Says something that stays until something else is said. */
  notice(text: string): void {
    clearTimeout(this.#end);
    say(this.#notice, text);
  }

  /** Says that something was done, which is soon no news any more. */
  done(text: string): void {
    this.notice(text);
    this.#end = setTimeout(() => say(this.#notice, ""), SHOWN);
  }

  /** Says that there is an answer again. */
  connected(): void {
    say(this.#connection, "");
    this.#showSignedOut(false);
  }

  /** Says that there is none, and that what is shown may be old. */
  notConnected(error: unknown): void {
    const isSignedOut = error instanceof Refused && error.isSignedOut && this.#signedOut !== null;
    this.#showSignedOut(isSignedOut);
    if (isSignedOut) return say(this.#connection, "");
    const why = error instanceof Refused ? `the server answers: ${error.message}` : "the server does not answer";
    say(this.#connection, `Not connected, ${why}. What you see may be old; trying again.`);
  }

  #showSignedOut(isSignedOut: boolean): void {
    if (this.#signedOut !== null) this.#signedOut.hidden = !isSignedOut;
  }

  /** Announces changes, together with others that come within a few seconds. */
  changes(changed: Submission[]): void {
    const ids = new Set(changed.map(({ id }) => id));
    this.#waiting = [...this.#waiting.filter(({ id }) => !ids.has(id)), ...changed];
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(() => this.#announce(), QUIET);
  }

  #announce(): void {
    this.#timer = undefined;
    const text = sentence(this.#waiting);
    this.#waiting = [];
    if (text !== "") say(this.#announcement, text);
  }
}
