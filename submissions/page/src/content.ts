/** Whether a content can be sent, and how long it is. The server judges by the same rules. */

import { grouped } from "./numbers";

/** How many characters it has. A browser counts the halves of some, a person and the server do not. */
export const charsOf = (content: string): number => Array.from(content).length;

/** As in `12 of 10,000 characters`. */
export const counterOf = (content: string, most: number): string =>
  `${grouped(charsOf(content))} of ${grouped(most)} characters`;

/** Whether it has nothing that can be seen. */
export const isBlank = (content: string): boolean => /^\p{White_Space}*$/u.test(content);

/** What is wrong with it, or nothing. */
export function faultOf(content: string, most: number): string | null {
  if (isBlank(content)) return "Write something first.";
  const tooMany = charsOf(content) - most;
  if (tooMany <= 0) return null;
  return `Too long by ${grouped(tooMany)} character${tooMany === 1 ? "" : "s"}.`;
}
