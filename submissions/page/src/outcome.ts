import type { Submission } from "./types";

/** Who gets what came of something that was done on the page. */
export interface Outcome {
  /** The submission as it is now. */
  done(submission: Submission): void;
  /** A sentence to say instead: what was done to many, or why nothing was. */
  said(sentence: string): void;
}
