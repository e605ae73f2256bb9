/** What the API answers, as far as the page uses it; `/docs` has all of it. */

export const STATUSES = ["PENDING", "PROCESSING", "PASSED", "FAILED", "CANCELLED"] as const;

export type Status = (typeof STATUSES)[number];

/** Times are RFC 3339. */
export interface Submission {
  id: string;
  content: string;
  status: Status;
  /** From 1; each retry by hand begins another one. */
  series: number;
  /** Attempts begun in this series, and those of them that failed or lost their worker. */
  attempts: number;
  failures: number;
  losses: number;
  reason: string | null;
  cached: boolean;
  created_at: string;
  started_at: string | null;
  processed_at: string | null;
  changed_at: string;
}

export interface SubmissionPage {
  submissions: Submission[];
  /** Where the older ones are. */
  next: string | null;
}

export interface Stats {
  statuses: Record<Status, number>;
  oldest_pending_seconds: number | null;
  stuck: number;
  dead_letters: number;
}

export interface Worker {
  id: string;
  name: string;
  running: number;
  concurrency: number;
  silent_seconds: number;
  started_at: string;
}

/** Whether the submission may still be cancelled. */
export const isOpen = (status: Status): boolean => status === "PENDING" || status === "PROCESSING";

/** Whether it may be retried by hand. */
export const isRetriable = (status: Status): boolean => status === "FAILED" || status === "CANCELLED";
