/** Makes the pages live. They are whole without it: forms post, links lead, and a reload shows what is new. */

import { Api } from "./api";
import { browser } from "./browser";
import { ServerClock } from "./clock";
import { listPage } from "./list-page";
import { Notices } from "./notices";
import { onePage } from "./one-page";
import { settingsOf } from "./settings";
import { Polling } from "./source";

/** How often the times in the page change, in milliseconds. */
const TICK = 1000;

function start(): void {
  const settings = settingsOf(document.body);
  const clock = new ServerClock();
  const api = new Api(settings, clock);
  const source = new Polling((view, signal) => api.look(view, signal), browser);
  const page = document.querySelector("#one") === null ? listPage : onePage;
  for (const element of document.querySelectorAll<HTMLElement>("[data-without-script]")) element.hidden = true;
  const tick = page({ source, api, clock, notices: new Notices(), settings });
  setInterval(() => {
    if (document.visibilityState === "visible") tick();
  }, TICK);
  // Somebody looks again: nobody should wait for the rest of a pause, or for an answer that a kept page has lost.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") source.refresh();
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) source.refresh();
  });
}

const address = new URL(location.href);
if (address.searchParams.has("live")) {
  // The view that reloads itself is for browsers without scripts.
  address.searchParams.delete("live");
  location.replace(address);
} else if (document.querySelector("#rows, #one") !== null) {
  start();
}
