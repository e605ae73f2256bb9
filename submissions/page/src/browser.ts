/** What polling needs of the browser. */

import type { Surroundings } from "./source";

export const browser: Surroundings = {
  visible(signal) {
    return new Promise((resolve) => {
      const look = () => {
        if (document.visibilityState !== "visible" && !signal.aborted) return;
        document.removeEventListener("visibilitychange", look);
        signal.removeEventListener("abort", look);
        resolve();
      };
      document.addEventListener("visibilitychange", look);
      signal.addEventListener("abort", look);
      look();
    });
  },

  pause(milliseconds, signal) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });
  },
};
