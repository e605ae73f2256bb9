/** The page with the form and the list. The address has the view, so links, back and reload need nothing else. */

import { enhanceActions } from "./actions";
import { nameOf } from "./announce";
import { find, say } from "./dom";
import { enhanceForm } from "./form";
import { belongs, changed, merge } from "./merge";
import type { Outcome } from "./outcome";
import { showStats, showWorkers } from "./overview";
import type { Parts } from "./parts";
import { Rows } from "./rows";
import type { State } from "./source";
import type { Submission } from "./types";
import { type ListView, headingOf, listView, olderView, queryOf } from "./view";

/** Keeps the page up to date for as long as it is open; returns what brings its times up to date. */
export function listPage({ source, api, clock, notices, settings }: Parts): () => void {
  const rows = new Rows(clock, settings.stuckAfter);
  let view = listView(location.search);
  let watching = new AbortController();
  // The rows are the server's, or those of a view that was left, or those of the last update.
  let rowsAre: "served" | "left" | "current" = "served";

  const show = ({ page, stats, workers }: State) => {
    if (page === null || stats === null) return;
    notices.connected();
    notices.changes(changed(rows.submissions, page.submissions));
    rows.show(page.submissions);
    rowsAre = "current";
    rows.explain(view.status === null ? "Nothing here yet." : `None is ${view.status}.`);
    showOlder(view, page.next);
    showStats(stats);
    if (workers !== null) showWorkers(workers, settings.silence);
  };

  const watch = async () => {
    watching.abort();
    watching = new AbortController();
    const { signal } = watching;
    for await (const update of source.updates(view, signal)) {
      if (signal.aborted) return;
      if ("state" in update) {
        show(update.state);
      } else {
        notices.notConnected(update.error);
        if (rowsAre === "left") {
          rows.explain("No answer yet.");
          rows.show([]);
        }
      }
    }
  };

  const go = () => {
    view = listView(location.search);
    rowsAre = "left";
    showView(view);
    void watch();
  };

  const outcome = (sentenceOf: (submission: Submission) => string): Outcome => ({
    done(submission) {
      // First, so that no answer on its way brings back what was before.
      source.refresh();
      if (rowsAre === "current") rows.show(merge(rows.submissions, submission, view, settings.limit));
      notices.done(sentenceOf(submission));
    },
    said(sentence) {
      source.refresh();
      notices.notice(sentence);
    },
  });

  const accepted = (submission: Submission) =>
    `${nameOf(submission)} is accepted${belongs(submission, view) ? "" : ", but does not belong in this list"}.`;
  enhanceForm(api, settings.maxChars, outcome(accepted));
  enhanceActions(api, outcome((submission) => `${nameOf(submission)} is ${submission.status} now.`));
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest<HTMLAnchorElement>("a[data-view]");
    // With a modifier it opens elsewhere, which is the browser's work.
    if (link === null || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    history.pushState(null, "", link.href);
    go();
    if (link.dataset.view === "page") find("#list").focus();
  });
  addEventListener("popstate", go);
  void watch();
  return () => rows.tick();
}

/** Everything that depends on the view alone. */
function showView(view: ListView): void {
  const heading = headingOf(view);
  say(find("#list"), heading);
  document.title = heading;
  for (const link of document.querySelectorAll<HTMLElement>("a[data-status]")) {
    if (link.dataset.status === (view.status ?? "ALL")) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  const newest = find<HTMLAnchorElement>("#newest");
  newest.hidden = view.after === null;
  newest.href = `./${queryOf({ ...view, after: null })}`;
}

function showOlder(view: ListView, next: string | null): void {
  const older = find<HTMLAnchorElement>("#older");
  const olderOnes = olderView(view, next);
  older.hidden = olderOnes === null;
  if (olderOnes !== null) older.href = `./${queryOf(olderOnes)}`;
}
