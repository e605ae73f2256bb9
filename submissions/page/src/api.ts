/** Requests to the API. */

import type { ServerClock } from "./clock";
import type { Settings } from "./settings";
import type { State } from "./source";
import type { Stats, Status, Submission, SubmissionPage, Worker } from "./types";
import { type View, queryOf } from "./view";

/** The longest wait for an answer, in milliseconds. */
const TIMEOUT = 10_000;

/** The server has refused what it was asked for. */
export class Refused extends Error {
  readonly status: number;

  constructor(status: number, detail: string) {
    super(detail);
    this.status = status;
  }

  /** Whether the same may be accepted later. */
  get isTemporary(): boolean {
    return this.status >= 500 || this.status === 408 || this.status === 429 || this.isSignedOut;
  }

  /** Whether nobody is signed in any more. */
  get isSignedOut(): boolean {
    return this.status === 401;
  }
}

export class Api {
  readonly #settings: Settings;
  readonly #clock: ServerClock;

  /** The API of a page with these settings. */
  constructor(settings: Settings, clock: ServerClock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /** All that a view shows. */
  async look(view: View, signal: AbortSignal): Promise<State> {
    if (view.kind === "one") {
      return { page: null, one: await this.#one(view.id, signal), stats: null, workers: null };
    }
    const query = new URLSearchParams(queryOf(view));
    query.set("limit", String(this.#settings.limit));
    const [page, stats, workers] = await Promise.all([
      this.#ask<SubmissionPage>(`submissions?${query}`, { signal }),
      this.#ask<Stats>("stats", { signal }),
      this.#settings.hasWorkers ? this.#workers(signal) : null,
    ]);
    return { page, one: null, stats, workers };
  }

  /** Submits a content. The same key a second time is the same submission. */
  submit(content: string, key: string): Promise<Submission> {
    const headers = { "content-type": "application/json", "idempotency-key": key };
    return this.#ask("submissions/", { method: "POST", headers, body: JSON.stringify({ content }) });
  }

  /** Cancels or retries one. */
  change(id: string, action: "cancel" | "retry"): Promise<Submission> {
    return this.#ask(`submissions/${id}/${action}`, { method: "POST" });
  }

  /** Retries all that have this status; the number of them. */
  async retryAll(status: Status): Promise<number> {
    return (await this.#ask<{ retried: number }>(`submissions/retry?status=${status}`, { method: "POST" })).retried;
  }

  async #one(id: string, signal: AbortSignal): Promise<Submission | null> {
    try {
      return await this.#ask<Submission>(`submissions/${id}`, { signal });
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
  }

  async #workers(signal: AbortSignal): Promise<Worker[]> {
    return (await this.#ask<{ workers: Worker[] }>("workers", { signal })).workers;
  }

  async #ask<T>(path: string, options: RequestInit): Promise<T> {
    const timeout = AbortSignal.timeout(TIMEOUT);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const asked = Date.now();
    const response = await fetch(new URL(`api/${path}`, this.#settings.root), { ...options, signal });
    this.#clock.observe(Date.parse(response.headers.get("date") ?? ""), asked, Date.now());
    if (!response.ok) throw new Refused(response.status, await detailOf(response));
    return (await response.json()) as T;
  }
}

/** The words of a problem (RFC 9457), or else the status. */
async function detailOf(response: Response): Promise<string> {
  try {
    const problem = (await response.json()) as { detail?: string; errors?: { field: string; message: string }[] };
    const errors = problem.errors?.map(({ field, message }) => `${field} ${message}`).join("; ");
    return errors || problem.detail || `the server answered ${response.status}`;
  } catch {
    return `the server answered ${response.status}`;
  }
}
