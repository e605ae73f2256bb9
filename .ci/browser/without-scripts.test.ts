/** The page in a browser that runs no scripts. */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";

import type { Browser } from "playwright-core";

import { Pages, launch, row, rowsOf, submit } from "./browser";
import { Server } from "./server";

const FAILS = "letters alone";
const PLAIN = { javaScriptEnabled: false };

let browser: Browser;
let server: Server;
let pages: Pages;

before(async () => {
  browser = await launch();
});
after(() => browser.close());
beforeEach(async () => {
  server = await Server.start({ WORK_TIME: "10ms", MAX_CONTENT_CHARS: "100", CACHE_ENTRIES: "0" });
  pages = new Pages(browser);
});
afterEach(async () => {
  try {
    await pages.close();
  } finally {
    await server.remove();
  }
});

test("a submission is sent, and the list that follows reloads itself", async () => {
  const page = await pages.open(server.url, PLAIN);
  await submit(page, "two\nlines and 1 digit");
  await rowsOf(page, "two lines and 1 digit").getByText("PASSED").waitFor();
  assert.equal(new URL(page.url()).search, "?live");
  assert.equal(await page.getByLabel("Content").count(), 0, "nothing is written where it would get lost");
  await page.getByRole("link", { name: "two lines and 1 digit" }).click();
  assert.equal(await page.getByRole("region", { name: "Content" }).textContent(), "two\nlines and 1 digit");
  await page.getByRole("link", { name: "All submissions" }).click();
  assert.equal(await page.getByLabel("Content").count(), 1);
});

test("filter, retry and cancel lead back to where they were", async () => {
  const failed = await server.submit(FAILS);
  const page = await pages.open(`${server.url}/?live`, PLAIN);
  await row(page, failed).getByText("content has no digit").waitFor();
  await page.getByRole("link", { name: "Stop that" }).click();
  await page.getByRole("link", { name: "FAILED 1" }).click();
  // From here on nothing is done before the test ends.
  await server.kill();
  await server.again({ WORK_TIME: "4m" });
  await row(page, failed).getByRole("button", { name: "Retry" }).click();
  assert.equal(new URL(page.url()).search, "?status=FAILED");
  await page.getByText("None is FAILED.").waitFor();
  await page.goto(`${server.url}/submissions/${failed}`);
  await page.getByRole("button", { name: "Cancel" }).click();
  assert.equal(new URL(page.url()).pathname, `/submissions/${failed}`);
  await page.locator("#one .status").getByText("CANCELLED").waitFor();
});

test("what cannot be done says why", async () => {
  const page = await pages.open(server.url, PLAIN);
  await submit(page, "x".repeat(101));
  assert.match((await page.getByRole("alert").textContent()) ?? "", /at most 100 characters/);
  assert.equal(await page.getByLabel("Content").inputValue(), "x".repeat(101), "what was written is still there");

  await server.kill();
  await server.again({ WORK_TIME: "4m" });
  const id = await server.submit(FAILS);
  const [one, other] = [page, await pages.tab(page, `${server.url}/submissions/${id}`)];
  await one.goto(`${server.url}/submissions/${id}`);
  await one.getByRole("button", { name: "Cancel" }).click();
  await other.getByRole("button", { name: "Cancel" }).click();
  await other.getByText("It is CANCELLED and cannot be cancelled.").waitFor();
  await other.goto(`${server.url}/submissions/none`);
  await other.getByText("There is no such submission").waitFor();
  pages.forgive("status of 4");
});

test("the same form sent twice is one submission", async () => {
  const page = await pages.open(server.url, PLAIN);
  const key = await page.locator('input[name="key"]').getAttribute("value");
  const form = new URLSearchParams({ key: key ?? "", content: FAILS });
  for (let time = 0; time < 2; time += 1) {
    const answer = await fetch(`${server.url}/`, { method: "POST", body: form, redirect: "manual" });
    assert.equal(answer.status, 303);
  }
  await page.reload();
  assert.equal(await rowsOf(page, FAILS).count(), 1);
  // Another content under the same key comes from a form that somebody went back to.
  form.set("content", "another one");
  assert.equal((await fetch(`${server.url}/`, { method: "POST", body: form, redirect: "manual" })).status, 303);
  await page.reload();
  assert.equal(await page.locator("#rows > li").count(), 2);
});

test("a form of another site is refused", async () => {
  const id = await server.submit(FAILS);
  for (const path of ["/", `/submissions/${id}/cancel`, "/submissions/retry"]) {
    const headers = { "sec-fetch-site": "cross-site" };
    const body = new URLSearchParams({ content: FAILS, status: "FAILED" });
    assert.equal((await fetch(`${server.url}${path}`, { method: "POST", headers, body })).status, 403, path);
  }
  const page = await pages.open(server.url, PLAIN);
  assert.equal(await page.locator("#rows > li").count(), 1);
});
