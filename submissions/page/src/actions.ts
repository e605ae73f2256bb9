/** Cancel, retry and retry all, by the API and without leaving the page. */

import { type Api, Refused } from "./api";
import { grouped } from "./numbers";
import type { Outcome } from "./outcome";
import type { Status } from "./types";

/** Takes over the forms of all actions, also of rows that come later. */
export function enhanceActions(api: Api, outcome: Outcome): void {
  const busy = new Set<HTMLFormElement>();
  const act = async (form: HTMLFormElement, action: string) => {
    if (busy.has(form)) return;
    busy.add(form);
    try {
      if (action === "retry-all") {
        const status = String(new FormData(form).get("status")) as Status;
        const count = await api.retryAll(status);
        outcome.said(`${grouped(count)} ${status} ${count === 1 ? "submission is" : "submissions are"} tried again.`);
      } else {
        const id = form.closest<HTMLElement>("[data-id]")?.dataset.id ?? "";
        outcome.done(await api.change(id, action === "cancel" ? "cancel" : "retry"));
      }
    } catch (error) {
      outcome.said(`Not done: ${error instanceof Refused ? error.message : "no answer, so try again"}.`);
    } finally {
      busy.delete(form);
    }
  };
  document.addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    if (form.dataset.action === undefined) return;
    event.preventDefault();
    void act(form, form.dataset.action);
  });
}
