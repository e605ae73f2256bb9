/** The counts, figures and workers above and below the list. */

import { fill, find, made, say } from "./dom";
import { grouped } from "./numbers";
import { span } from "./span";
import type { Stats, Worker } from "./types";

/** Shows the figures of the moment. */
export function showStats({ statuses, oldest_pending_seconds, stuck, dead_letters }: Stats): void {
  for (const [status, count] of Object.entries(statuses)) say(find(`[data-count="${status}"]`), grouped(count));
  const all = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  say(find('[data-count="ALL"]'), grouped(all));
  const oldest = oldest_pending_seconds === null ? "none" : span(oldest_pending_seconds * 1000);
  fill(find("#figures"), { oldest, stuck: grouped(stuck), dead: grouped(dead_letters) });
  document.querySelector("#stuck")?.classList.toggle("alarm", stuck > 0);
  find("form[data-action=retry-all]").hidden = statuses.FAILED === 0;
}

/** Shows the workers. One that is silent for longer than `silence` milliseconds is marked. */
export function showWorkers(workers: Worker[], silence: number): void {
  const list = find("#workers");
  while (list.children.length > workers.length) list.lastElementChild?.remove();
  workers.forEach((worker, index) => {
    const there = list.children[index];
    const row = (there ?? list.appendChild(made("worker"))) as HTMLElement;
    const silent = worker.silent_seconds * 1000;
    fill(row, {
      name: worker.name,
      running: grouped(worker.running),
      concurrency: grouped(worker.concurrency),
      beat: span(silent),
      silent: silent > silence ? "silent" : null,
    });
  });
  find("#no-workers").hidden = workers.length > 0;
}
