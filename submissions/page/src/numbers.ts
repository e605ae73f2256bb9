/** A whole number with its thousands separated, as in `12,345`. */
export const grouped = (number: number): string => number.toLocaleString("en-US");
