/** Chromium, as the system has it, and pages that note what goes wrong in them. */

import assert from "node:assert/strict";

import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];

export const launch = (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/** Pages of one test. */
export class Pages {
  readonly #browser: Browser;
  readonly #close: (() => Promise<void>)[] = [];
  /** What a console has shown as an error, or what no script has caught. */
  #errors: string[] = [];

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** A page at this address, in a browser that knows nothing yet. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext(options);
    this.#close.push(() => context.close());
    const page = await context.newPage();
    this.#listen(page);
    await page.goto(url);
    return page;
  }

  /** Another tab of the same browser. */
  async tab(page: Page, url: string): Promise<Page> {
    const tab = await page.context().newPage();
    this.#listen(tab);
    await tab.goto(url);
    return tab;
  }

  /** Leaves out errors with these words: Chromium's own for a request that got no answer, or 4xx, on purpose. */
  forgive(words: string): void {
    this.#errors = this.#errors.filter((error) => !error.includes(words));
  }

  /** Closes all of them; nothing may have gone wrong. */
  async close(): Promise<void> {
    for (const close of this.#close) await close();
    assert.deepEqual(this.#errors, []);
  }

  #listen(page: Page): void {
    page.setDefaultTimeout(15_000);
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") this.#errors.push(message.text());
    });
    page.on("pageerror", (error) => this.#errors.push(String(error)));
  }
}

/** The row of a submission. */
export const row = (page: Page, id: string) => page.locator(`#rows > [data-id="${id}"]`);

/** The rows with this content. */
export const rowsOf = (page: Page, content: string) =>
  page.locator("#rows > li").filter({ has: page.getByRole("link", { name: content, exact: true }) });

/** Writes a content into the form and submits it. */
export async function submit(page: Page, content: string): Promise<void> {
  await page.getByLabel("Content").fill(content);
  await page.getByRole("button", { name: "Submit", exact: true }).click();
}
