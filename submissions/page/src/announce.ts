/** What a screen reader says about changes: only what is final, and in one sentence, or it would never be silent. */

import { excerpt } from "./shown";
import { STATUSES, type Submission, isOpen } from "./types";

/** The longest part of a content that is read out, in characters. */
const SPOKEN_CHARS = 40;

/** What a sentence calls a submission: the start of its content. */
export const nameOf = ({ content }: Submission): string =>
  `“${Array.from(excerpt(content)).slice(0, SPOKEN_CHARS).join("")}”`;

/** The sentence about submissions whose status has changed, empty where there is nothing to say. */
export function sentence(changed: Submission[]): string {
  const final = changed.filter(({ status }) => !isOpen(status));
  const [first] = final;
  if (first === undefined) return "";
  if (final.length === 1) {
    return `${nameOf(first)} is ${first.status}${first.reason === null ? "" : `: ${first.reason}`}`;
  }
  const parts = STATUSES.flatMap((status) => {
    const count = final.filter((one) => one.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  return `${final.length} submissions are final: ${parts.join(", ")}`;
}
