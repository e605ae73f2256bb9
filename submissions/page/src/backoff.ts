/** How long a polling page waits. */

/** Between two answers, in milliseconds. */
const INTERVAL = 1000;

/** The longest wait, in milliseconds. */
const LONGEST = 15_000;

/** The wait after this many failures in a row: a second, then longer and longer. */
export const waitAfter = (failures: number): number => Math.min(INTERVAL * 2 ** failures, LONGEST);
