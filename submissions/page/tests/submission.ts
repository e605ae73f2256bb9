import type { Submission } from "../src/types";

/** A submission that is new, except for these. */
export function submission(id: number, fields: Partial<Submission> = {}): Submission {
  return {
    id: `019ac9d0-0000-7000-8000-${String(id).padStart(12, "0")}`,
    content: `content ${id}`,
    status: "PENDING",
    series: 1,
    attempts: 0,
    failures: 0,
    losses: 0,
    reason: null,
    cached: false,
    created_at: "2026-11-28T12:00:00.000Z",
    started_at: null,
    processed_at: null,
    changed_at: "2026-11-28T12:00:00.000Z",
    ...fields,
  };
}

/** The time this many milliseconds later than those of [`submission`]. */
export const later = (milliseconds: number): string =>
  new Date(Date.UTC(2026, 10, 28, 12) + milliseconds).toISOString();
