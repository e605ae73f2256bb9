/** A submission as texts. The server makes the same ones for the page without scripts; `tests/shown.json` holds both to
 * it. */

import { span } from "./span";
import type { Submission } from "./types";

/** The fields, each by the name that the elements have which show it; a field without a text is hidden. */
export type Shown = Record<
  | "id"
  | "status"
  | "content"
  | "excerpt"
  | "since"
  | "stuck"
  | "attempts"
  | "reason"
  | "cached"
  | "created"
  | "retried"
  | "setbacks"
  | "began"
  | "changed"
  | "took",
  string | null
>;

/** The longest excerpt, in characters. */
const EXCERPT_CHARS = 120;

/** The texts at this time, in milliseconds since 1970; what is PROCESSING for longer than `stuckAfter` is stuck. */
export function shown(submission: Submission, now: number, stuckAfter: number): Shown {
  const { status, series, attempts, failures, losses, created_at, started_at, processed_at } = submission;
  const since = now - Date.parse(submission.changed_at);
  const counted = [
    [failures, "failed"],
    [losses, "lost"],
  ] as const;
  const parts = counted.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  const setbacks = [
    failures > 0 ? `${plural(failures, "attempt")} failed or took too long` : null,
    losses > 0 ? `${plural(losses, "attempt")} lost the worker` : null,
  ].filter((text) => text !== null);
  return {
    id: submission.id,
    status,
    content: fit(submission.content.replaceAll("\r\n", "\n")),
    excerpt: excerpt(submission.content),
    since: span(since),
    stuck: status === "PROCESSING" && since > stuckAfter ? "stuck" : null,
    attempts: [String(attempts), ...parts, ...(series > 1 ? [`series ${series}`] : [])].join(", "),
    reason: submission.reason === null ? null : fit(submission.reason),
    cached: submission.cached ? "from the cache" : null,
    created: time(created_at),
    retried: series > 1 ? `${plural(series - 1, "time")}, so this is series ${series}` : null,
    setbacks: setbacks.length > 0 ? setbacks.join(", ") : null,
    began: started_at === null || attempts === 0 ? null : `${time(started_at)}, attempt ${attempts}`,
    changed: time(submission.changed_at),
    took: processed_at === null ? null : span(Date.parse(processed_at) - Date.parse(created_at)),
  };
}

/** The start of a content, on one line. */
export function excerpt(content: string): string {
  // The server splits at the same characters: those that Unicode calls white space.
  const words = content.split(/\p{White_Space}+/u).filter((word) => word !== "");
  const line = fit(words.join(" "));
  const chars = Array.from(line);
  return chars.length <= EXCERPT_CHARS ? line : `${chars.slice(0, EXCERPT_CHARS).join("")}…`;
}

/** Characters that HTML forbids or that would change the direction of all that follows. */
const UNFIT = /[\p{Cc}\p{Noncharacter_Code_Point}\u202A-\u202E\u2066-\u2069]/gu;

/** The text with a replacement for each of them. */
const fit = (text: string): string =>
  text.replace(UNFIT, (character) => (character === "\n" || character === "\t" ? character : "\uFFFD"));

/** A time of RFC 3339 to the second, as in `2026-11-28 12:00:03 UTC`. */
const time = (text: string): string => `${text.slice(0, 19).replace("T", " ")} UTC`;

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
