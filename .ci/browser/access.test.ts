/** Every view by axe, in light and dark, on a screen and on a phone. */

import { after, before, test } from "node:test";

import type { Browser } from "playwright-core";

import { check } from "./axe";
import { Pages, launch, row } from "./browser";
import { Server } from "./server";

let browser: Browser;
let server: Server;
let failed: string;
let stuck: string;

before(async () => {
  browser = await launch();
  server = await Server.start({ WORK_TIME: "0ms", STUCK_AFTER: "100ms" });
  failed = await server.submit(`letters alone, ${"and-without-a-break-".repeat(20)}`);
  await server.submit("this passes 1");
  await server.rest();
  // Equal content is from the cache.
  await server.submit("this passes 1");
  await server.rest();
  await server.kill();
  await server.again({ WORK_TIME: "4m" });
  await server.cancel(await server.submit("this is cancelled"));
  stuck = await server.submit("this gets stuck");
});
after(async () => {
  await browser.close();
  await server.remove();
});

for (const colorScheme of ["light", "dark"] as const) {
  for (const [screen, width] of [["a screen", 1280], ["a phone", 360]] as const) {
    test(`axe finds nothing on ${screen} in ${colorScheme}`, async () => {
      const pages = new Pages(browser);
      const options = { colorScheme, viewport: { width, height: 800 }, reducedMotion: "reduce" } as const;
      const page = await pages.open(server.url, options);
      await page.getByRole("button", { name: "Submit", exact: true }).click();
      await page.getByText("Write something first.").waitFor();
      for (const status of ["PROCESSING", "CANCELLED", "PASSED", "FAILED"]) {
        await page.locator("#rows").getByText(status, { exact: true }).first().waitFor();
      }
      await row(page, stuck).getByText("stuck", { exact: true }).waitFor();
      await page.getByText("from the cache").waitFor();
      await check(page, "the list");
      await page.getByRole("link", { name: "PENDING" }).click();
      await page.getByText("None is PENDING.").waitFor();
      await check(page, "an empty list");
      await page.goto(`${server.url}/submissions/${failed}`);
      await page.locator("#one .status").getByText("FAILED").waitFor();
      await check(page, "one submission");
      await page.goto(`${server.url}/submissions/none`);
      await check(page, "no submission");
      pages.forgive("status of 404");
      await pages.close();
    });
  }
}
