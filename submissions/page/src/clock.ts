/** The server's clock as seen from here. Each answer says its time to the second (`Date`), so the difference of the
 * clocks lies in an interval, and the intervals of many answers narrow it down. */

export class ServerClock {
  /** Bounds of how much the server's clock is ahead, in milliseconds. */
  #least = -Infinity;
  #most = Infinity;

  /** Notes an answer: its `Date`, and when it was asked for and arrived by the clock here; all in milliseconds. */
  observe(date: number, asked: number, arrived: number): void {
    if (Number.isNaN(date)) return;
    // The server's time was between `date` and one second later, at some moment between `asked` and `arrived`.
    const [least, most] = [date - arrived, date + 1000 - asked];
    const [atLeast, atMost] = [Math.max(this.#least, least), Math.min(this.#most, most)];
    // Nothing in common: one of the clocks was set.
    [this.#least, this.#most] = atLeast <= atMost ? [atLeast, atMost] : [least, most];
  }

  /** The server's time, for a time by the clock here. */
  at(here: number): number {
    return this.#least === -Infinity ? here : here + (this.#least + this.#most) / 2;
  }
}
