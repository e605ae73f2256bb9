/** Signing in: the form, a session that ends while somebody writes, and signing out; with axe on each view. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

import type { Browser, Page } from "playwright-core";

import { check } from "./axe";
import { Pages, launch, rowsOf, submit } from "./browser";
import { Server } from "./server";

const folder = mkdtempSync(join(tmpdir(), "keys-"));
const file = join(folder, "keys.json");
const hash = (key: string) => `sha256:${createHash("sha256").update(key).digest("hex")}`;
const entry = (name: string, key: string, scopes: string[] = []) => ({ name, hash: hash(key), scopes });
const keys = (...entries: object[]) => writeFileSync(file, JSON.stringify(entries));

let browser: Browser;
let server: Server;

before(async () => {
  browser = await launch();
  keys(entry("shop", "one"), entry("chief", "two", ["admin"]));
  server = await Server.start({ WORK_TIME: "0ms", API_KEYS_FILE: file, SESSION_KEY: "1f".repeat(32) });
});
after(async () => {
  await browser.close();
  await server.remove();
  rmSync(folder, { recursive: true, force: true });
});

for (const [colorScheme, width, javaScriptEnabled] of [
  ["light", 1280, true],
  ["dark", 360, false],
] as const) {
  test(`a person signs in and out ${javaScriptEnabled ? "with" : "without"} scripts, in ${colorScheme}`, async () => {
    const pages = new Pages(browser);
    const page = await pages.open(`${server.url}/?status=PASSED`, {
      colorScheme,
      javaScriptEnabled,
      viewport: { width, height: 800 },
    });
    assert.equal(new URL(page.url()).pathname, "/sign-in");
    if (javaScriptEnabled) await check(page, "the form");
    await page.getByLabel("API key or token").fill("three");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("does not know the key").waitFor();
    pages.forgive("status of 401");
    if (javaScriptEnabled) await check(page, "the form with an error");
    await page.getByLabel("API key or token").fill("one");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Signed in as shop").waitFor();
    assert.equal(new URL(page.url()).search, "?status=PASSED", "where the person wanted to go");
    assert.equal(await page.getByRole("heading", { name: "Workers" }).count(), 0);
    if (javaScriptEnabled) await check(page, "the list of somebody who is signed in");
    await page.goto(server.url);
    await submit(page, `written by a person 1 ${colorScheme}`);
    await rowsOf(page, `written by a person 1 ${colorScheme}`).waitFor();
    if (javaScriptEnabled) await sendFromDocs(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API key or token").waitFor();
    await page.goto(server.url);
    assert.equal(new URL(page.url()).pathname, "/sign-in");
    await pages.close();
  });
}

/** The forms of the documentation work with the cookie, also one that changes something. */
async function sendFromDocs(page: Page): Promise<void> {
  await page.goto(`${server.url}/docs`);
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  const form = page.locator('.try[data-path="/api/submissions"]:has(textarea)');
  await form.getByRole("button", { name: "Send" }).click();
  await form.locator("output").getByText("202 Accepted").waitFor();
  await page.goto(server.url);
}

test("a session that ends keeps what was written, and continues after signing in elsewhere", async () => {
  const pages = new Pages(browser);
  const page = await pages.open(server.url);
  await page.getByLabel("API key or token").fill("two");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Workers" }).waitFor();
  await page.getByLabel("Content").fill("half a thought, 1");
  keys(entry("chief", "four", ["admin"]));
  const link = page.getByRole("link", { name: "Sign in again" });
  await link.waitFor();
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  await page.getByText("Your text is kept").waitFor();
  assert.equal(await page.getByLabel("Content").inputValue(), "half a thought, 1");
  await check(page, "a session that is over");
  const [tab] = await Promise.all([page.waitForEvent("popup"), link.click()]);
  await tab.getByLabel("API key or token").fill("four");
  await tab.keyboard.press("Enter");
  await tab.getByText("Signed in as chief").waitFor();
  await tab.close();
  // As when somebody comes back to this tab; without a window to see, Chromium does not say so.
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await link.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "Submit", exact: true }).click();
  await rowsOf(page, "half a thought, 1").waitFor();
  pages.forgive("status of 401");
  await pages.close();
});
