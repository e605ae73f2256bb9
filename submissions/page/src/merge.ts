/** Merges what is new into a list of submissions. */

import type { Submission } from "./types";
import type { ListView } from "./view";

/** The list with this submission as it is now: in its place, new among the others, or gone where the view does not show
 * it. What was read before what is shown changes nothing. At most `limit` remain. */
export function merge(list: Submission[], one: Submission, view: ListView, limit: number): Submission[] {
  const known = list.find(({ id }) => id === one.id);
  if (known && isOlder(one, known)) return list;
  const others = list.filter(({ id }) => id !== one.id);
  if (!belongs(one, view)) return others;
  // Ids sort by time, and the newest comes first.
  const place = others.findIndex(({ id }) => id < one.id);
  return others.toSpliced(place === -1 ? others.length : place, 0, one).slice(0, limit);
}

/** The submissions of the second list whose status was another one in the first. */
export function changed(before: Submission[], after: Submission[]): Submission[] {
  const statuses = new Map(before.map(({ id, status }) => [id, status]));
  return after.filter(({ id, status }) => statuses.has(id) && statuses.get(id) !== status);
}

/** Whether `one` was read before `other` was. Two times of the store can be equal; then neither is older. */
function isOlder(one: Submission, other: Submission): boolean {
  const [ours, theirs] = [Date.parse(one.changed_at), Date.parse(other.changed_at)];
  if (ours !== theirs) return ours < theirs;
  return one.series < other.series || (one.series === other.series && one.attempts < other.attempts);
}

/** Whether the view shows it, if there is room. */
export function belongs(one: Submission, { status, after }: ListView): boolean {
  return (status === null || status === one.status) && (after === null || one.id < after);
}
