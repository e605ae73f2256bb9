/** What every page works with. */

import type { Api } from "./api";
import type { ServerClock } from "./clock";
import type { Notices } from "./notices";
import type { Settings } from "./settings";
import type { Source } from "./source";

export interface Parts {
  source: Source;
  api: Api;
  clock: ServerClock;
  notices: Notices;
  settings: Settings;
}
