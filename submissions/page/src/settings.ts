/** What the server has written into the page. */
export interface Settings {
  /** Where the site is, from this page. */
  root: URL;
  /** The longest content, in characters. */
  maxChars: number;
  /** Rows of a list. */
  limit: number;
  /** What is PROCESSING for longer is stuck, in milliseconds. */
  stuckAfter: number;
  /** A worker that is silent for longer is marked, in milliseconds. */
  silence: number;
  /** Whether it shows the workers. */
  hasWorkers: boolean;
}

/** Reads them. */
export function settingsOf({ dataset }: HTMLElement): Settings {
  return {
    // Relative, so that it works behind a proxy that serves the page under another path.
    root: new URL(dataset.root ?? "./", location.href),
    maxChars: Number(dataset.maxChars),
    limit: Number(dataset.limit),
    stuckAfter: Number(dataset.stuckAfter),
    silence: Number(dataset.silence),
    hasWorkers: document.querySelector("#workers") !== null,
  };
}
