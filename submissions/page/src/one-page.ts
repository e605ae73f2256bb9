/** The page of one submission. */

import { enhanceActions } from "./actions";
import { find, show } from "./dom";
import { changed } from "./merge";
import type { Parts } from "./parts";
import { shown } from "./shown";
import type { Submission } from "./types";

/** Keeps the page up to date for as long as it is open; returns what brings its times up to date. */
export function onePage({ source, api, clock, notices, settings }: Parts): () => void {
  const element = find("#one");
  const id = element.dataset.id ?? "";
  let submission: Submission | null = null;

  const tick = () => {
    if (submission === null) return;
    const texts = shown(submission, clock.at(Date.now()), settings.stuckAfter);
    show(element, submission.status, texts);
    document.title = `${submission.status}: ${texts.excerpt}`;
  };
  const become = (next: Submission) => {
    if (submission !== null) notices.changes(changed([submission], [next]));
    submission = next;
    tick();
  };
  const watch = async () => {
    for await (const update of source.updates({ kind: "one", id }, new AbortController().signal)) {
      if ("error" in update) {
        notices.notConnected(update.error);
        continue;
      }
      notices.connected();
      if (update.state.one === null) notices.notice("It is gone: final submissions are kept for a limited time.");
      else become(update.state.one);
    }
  };

  enhanceActions(api, {
    done(next) {
      source.refresh();
      become(next);
      notices.done(`It is ${next.status} now.`);
    },
    said(sentence) {
      source.refresh();
      notices.notice(sentence);
    },
  });
  void watch();
  return tick;
}
