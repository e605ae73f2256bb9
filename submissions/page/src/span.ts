/** Time spans as people read them. `tests/shown.json` holds this and the server's own to the same texts. */

const UNITS = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
] as const;

/** A span of milliseconds in its two largest units, as in `3 h 12 min`. What is negative, by another clock, is 0 s. */
export function span(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const found = UNITS.findIndex(([, length]) => seconds >= length);
  const largest = found === -1 ? UNITS.length - 1 : found;
  let rest = seconds;
  const parts = UNITS.slice(largest, largest + 2).map(([unit, length]) => {
    const count = Math.floor(rest / length);
    rest %= length;
    return `${count} ${unit}`;
  });
  return parts.join(" ");
}
