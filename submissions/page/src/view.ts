/** What the address says that the page shows. */

import { STATUSES, type Status } from "./types";

/** The list: of one status or all, from the newest or from what follows `after`. */
export interface ListView {
  kind: "list";
  status: Status | null;
  after: string | null;
}

/** One submission. */
export interface OneView {
  kind: "one";
  id: string;
}

export type View = ListView | OneView;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The view of a query, such as `?status=FAILED`. What it cannot mean is left out, as the server does. */
export function listView(query: string): ListView {
  const parameters = new URLSearchParams(query);
  const status = STATUSES.find((status) => status === parameters.get("status")) ?? null;
  const after = parameters.get("after");
  return { kind: "list", status, after: after !== null && UUID.test(after) ? after.toLowerCase() : null };
}

/** The query of a view, empty for the newest of all. */
export function queryOf({ status, after }: ListView): string {
  const parameters = new URLSearchParams();
  if (status !== null) parameters.set("status", status);
  if (after !== null) parameters.set("after", after);
  const query = parameters.toString();
  return query === "" ? "" : `?${query}`;
}

/** The list that the API's `next` leads to: the same, further down. */
export function olderView(view: ListView, next: string | null): ListView | null {
  if (next === null) return null;
  const { after } = listView(next.slice(next.indexOf("?")));
  return after === null ? null : { ...view, after };
}

/** The words above the list. */
export function headingOf({ status, after }: ListView): string {
  const what = status === null ? "All submissions" : `${status} submissions`;
  return after === null ? what : `${what}, older ones`;
}
