/** The page with scripts. */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import type { Browser } from "playwright-core";

import { Pages, launch, row, rowsOf, submit } from "./browser";
import { Server, eventually } from "./server";

const PASSES = "ten letters and 1 digit";
const FAILS = "letters alone";

let browser: Browser;
let server: Server;
let pages: Pages;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(() => {
  pages = new Pages(browser);
});
afterEach(async () => {
  try {
    await pages.close();
  } finally {
    await server.remove();
  }
});

/** Starts a server whose work takes this long. */
async function serve(workTime: string): Promise<void> {
  server = await Server.start({ WORK_TIME: workTime, CACHE_ENTRIES: "0" });
}

/** Long enough to be seen by a page that looks once a second, also where there is much else to do. */
const SEEN = "4s";
const FAST = "10ms";
/** Longer than a test. */
const NEVER_DONE = "4m";

test("a submission is seen going through its states", async () => {
  await serve(SEEN);
  const page = await pages.open(server.url);
  await page.evaluate(() => {
    const seen: string[] = ((window as unknown as { seen: string[] }).seen = []);
    new MutationObserver(() => {
      const status = document.querySelector("#rows .status")?.textContent;
      if (status && seen.at(-1) !== status) seen.push(status);
    }).observe(document.querySelector("#rows")!, { subtree: true, childList: true, characterData: true });
  });
  await submit(page, PASSES);
  await rowsOf(page, PASSES).getByText("PASSED").waitFor();
  const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen);
  // A worker may claim it before the page has drawn it.
  const all = ["PENDING", "PROCESSING", "PASSED"];
  assert.ok(seen.length >= 2, `seen: ${seen}`);
  assert.deepEqual(seen, all.slice(-seen.length));
  assert.equal(await page.getByLabel("Content").inputValue(), "");
  assert.equal(await page.locator('[data-count="PASSED"]').textContent(), "1");
  assert.equal(await rowsOf(page, PASSES).getByRole("button").count(), 0, "what has passed is left alone");
  assert.match((await page.locator("#workers").textContent()) ?? "", /last heartbeat \d+ s ago/);
  await eventually("the announcement", async () =>
    ((await page.locator("#announcement").textContent()) ?? "").includes(`“${PASSES}” is PASSED`),
  );
  // Its time in the status grows without anybody's doing.
  const since = rowsOf(page, PASSES).locator('[data-field="since"]');
  const first = await since.textContent();
  await eventually("another time", async () => (await since.textContent()) !== first);
});

test("what is wrong with a content is said before it is sent", async () => {
  await serve(FAST);
  const page = await pages.open(server.url);
  const fault = page.getByRole("alert");
  assert.equal(await page.locator("#counter").textContent(), "0 of 10,000 characters");
  await submit(page, " \n ");
  assert.equal(await fault.textContent(), "Write something first.");
  await page.getByLabel("Content").fill("🙂".repeat(10_002));
  assert.equal(await page.locator("#counter").textContent(), "10,002 of 10,000 characters");
  assert.equal(await fault.textContent(), "Too long by 2 characters.");
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  await page.getByLabel("Content").fill("🙂".repeat(10_000));
  assert.equal(await fault.textContent(), "");
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  await page.locator("#rows > li").waitFor();
  assert.equal(await page.locator("#rows > li").count(), 1);
});

test("a failed one has its reason, and can be retried", async () => {
  // It must be away from the list for long enough to be seen.
  await serve(SEEN);
  const page = await pages.open(server.url);
  await submit(page, FAILS);
  const failed = rowsOf(page, FAILS);
  await failed.getByText("content has no digit").waitFor();
  await page.getByRole("link", { name: "FAILED 1" }).click();
  await page.getByRole("heading", { name: "FAILED submissions" }).waitFor();
  await failed.getByRole("button", { name: "Retry" }).click();
  await page.getByText("None is FAILED.").waitFor();
  const focused = await page.evaluate(() => document.activeElement?.id);
  assert.equal(focused, "list", "the focus is where the row was");
  await page.getByRole("link", { name: "ALL" }).click();
  await failed.getByText("series 2").waitFor();
  await failed.getByText("FAILED").waitFor();
  await page.getByRole("button", { name: "Retry all FAILED" }).click();
  await failed.getByText("series 3").waitFor();
});

test("an open one can be cancelled, and then retried", async () => {
  await serve(NEVER_DONE);
  const page = await pages.open(server.url);
  await submit(page, PASSES);
  const open = rowsOf(page, PASSES);
  await open.getByRole("button", { name: "Cancel" }).click();
  await open.getByText("CANCELLED").waitFor();
  await open.getByRole("button", { name: "Retry" }).click();
  await open.getByText("series 2").waitFor();
  await open.getByRole("button", { name: "Cancel" }).waitFor();
});

test("the address has the view: reload, back and forward", async () => {
  await serve(FAST);
  const page = await pages.open(server.url);
  const [passed, failed] = [await server.submit(PASSES), await server.submit(FAILS)];
  await row(page, passed).getByText("PASSED").waitFor();
  await page.getByRole("link", { name: "FAILED" }).click();
  await row(page, passed).waitFor({ state: "detached" });
  assert.equal(new URL(page.url()).search, "?status=FAILED");
  await page.reload();
  await row(page, failed).waitFor();
  assert.equal(await page.locator("#rows > li").count(), 1);
  assert.equal(await page.locator('a[aria-current="true"]').getAttribute("data-status"), "FAILED");
  await page.goBack();
  await row(page, passed).waitFor();
  assert.equal(new URL(page.url()).search, "");
  await page.goForward();
  await row(page, passed).waitFor({ state: "detached" });
  await page.getByRole("link", { name: FAILS }).click();
  await page.getByRole("heading", { name: `Submission ${failed}` }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "FAILED submissions" }).waitFor();
});

test("older ones are on further pages", async () => {
  await serve(FAST);
  const page = await pages.open(server.url);
  const ids: string[] = [];
  for (let number = 0; number < 60; number += 1) ids.push(await server.submit(`submission number ${number}`));
  await row(page, ids[59]!).waitFor();
  const shown = () =>
    page.locator("#rows > li").evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset.id));
  const newestFirst = ids.toReversed();
  await eventually("the newest", async () => String(await shown()) === String(newestFirst.slice(0, 25)));
  await page.getByRole("link", { name: "Older" }).click();
  await eventually("the older ones", async () => String(await shown()) === String(newestFirst.slice(25, 50)));
  await page.reload();
  await page.getByRole("link", { name: "Older" }).click();
  await eventually("the oldest", async () => String(await shown()) === String(newestFirst.slice(50)));
  await page.getByRole("link", { name: "Older" }).waitFor({ state: "hidden" });
  await page.getByRole("link", { name: "Newest" }).click();
  await eventually("the newest again", async () => String(await shown()) === String(newestFirst.slice(0, 25)));
});

test("one submission has a page of its own", async () => {
  await serve(SEEN);
  const id = await server.submit("two\nlines, <b>one</b> digit: 1");
  const page = await pages.open(`${server.url}/submissions/${id}`);
  assert.equal(await page.getByRole("region", { name: "Content" }).textContent(), "two\nlines, <b>one</b> digit: 1");
  await page.locator("#one .status").getByText("PASSED").waitFor();
  await page.locator(".history").getByText("after it was submitted").waitFor();
  assert.match(await page.title(), /^PASSED: two lines/);
  // Long enough to be cancelled before it is done.
  await server.kill();
  await server.again({ WORK_TIME: NEVER_DONE });
  await page.goto(`${server.url}/submissions/${await server.submit(FAILS)}`);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.locator("#one .status").getByText("CANCELLED").waitFor();
  await page.getByRole("button", { name: "Retry" }).click();
  await page.locator(".history").getByText("Retried by hand 1 time").waitFor();
  await page.locator("#one .status").getByText("PROCESSING").waitFor();
  pages.forgive("net::ERR_");
});

test("two tabs do not disturb each other", async () => {
  await serve(SEEN);
  const one = await pages.open(server.url);
  const other = await pages.tab(one, `${server.url}/?status=FAILED`);
  await other.getByLabel("Content").fill("not finished yet");
  await submit(one, FAILS);
  await rowsOf(other, FAILS).waitFor();
  await rowsOf(other, FAILS).getByRole("button", { name: "Retry" }).click();
  await rowsOf(other, FAILS).waitFor({ state: "detached" });
  await rowsOf(one, FAILS).getByText("series 2").waitFor();
  assert.equal(await other.getByLabel("Content").inputValue(), "not finished yet");
  assert.equal(new URL(one.url()).search, "");
});

test("the server may restart in between", async () => {
  await serve(SEEN);
  const page = await pages.open(server.url);
  const before = await server.submit(PASSES);
  await row(page, before).getByText("PROCESSING").waitFor();
  await server.kill();
  await page.getByText("Not connected").waitFor();
  await row(page, before).waitFor();
  await submit(page, "written while nobody answers: 1");
  await page.getByText("Your text is kept").waitFor();
  await server.again();
  await page.getByText("Not connected").waitFor({ state: "hidden" });
  // It ran when its worker was killed, and another one does it again.
  await row(page, before).getByText("PASSED").waitFor();
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  const kept = rowsOf(page, "written while nobody answers: 1");
  await kept.getByText("PASSED").waitFor();
  assert.equal(await kept.count(), 1);
  pages.forgive("net::ERR_");
});

test("an answer that got lost is not submitted twice", async () => {
  await serve(FAST);
  const page = await pages.open(server.url);
  let isLost = false;
  await page.route("**/api/submissions/", async (route) => {
    const answer = await route.fetch();
    if (isLost) return route.fulfill({ response: answer });
    isLost = true;
    await route.abort();
  });
  await submit(page, PASSES);
  await page.getByText("Your text is kept").waitFor();
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  await rowsOf(page, PASSES).getByText("PASSED").waitFor();
  assert.equal(await rowsOf(page, PASSES).count(), 1);
  pages.forgive("net::ERR_");
});

test("it works by the keyboard alone, and the focus can be seen", async () => {
  await serve(FAST);
  const page = await pages.open(server.url);
  const outline = () => page.evaluate(() => getComputedStyle(document.activeElement!).outlineStyle);
  const tab = async (name: string) => {
    for (let steps = 0; steps < 40; steps += 1) {
      await page.keyboard.press("Tab");
      assert.notEqual(await outline(), "none");
      if ((await page.evaluate(() => document.activeElement?.textContent ?? "")).startsWith(name)) return;
    }
    assert.fail(`no Tab leads to ${name}`);
  };
  await page.getByLabel("Content").focus();
  await page.keyboard.type(FAILS);
  await page.keyboard.press("Control+Enter");
  await rowsOf(page, FAILS).getByText("FAILED").waitFor();
  await tab("Retry all FAILED");
  await tab("Retry");
  await page.keyboard.press("Enter");
  await rowsOf(page, FAILS).getByText("series 2").waitFor();
  const home = await page.evaluate(() => document.activeElement?.textContent);
  assert.equal(home, FAILS, "the focus is still in the row");
});
