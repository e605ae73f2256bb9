/** Writes the pictures of docs/images. */

import { launch } from "./browser";
import { Server } from "./server";

const FOLDER = "docs/images";

async function main(): Promise<void> {
  const browser = await launch();
  const server = await Server.start({ WORK_TIME: "4s" });
  const submit = (contents: string[]) => Promise.all(contents.map((content) => server.submit(content)));
  try {
    await submit(["Order 1042 is paid", "letters alone", "Invoice 7 of November", "Too short"]);
    const cancelled = await server.submit("A draft, number 3, that nobody needs any more");
    await server.cancel(cancelled);
    await server.rest();
    for (const [name, colorScheme, width, height] of [
      ["submissions", "light", 1100, 900],
      ["submissions-dark-phone", "dark", 360, 1240],
    ] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width, height }, deviceScaleFactor: 1 });
      await page.goto(server.url);
      await submit(["Order 1042 is paid", `Shipment ${width} has left`, `Thank you, and see you in room ${width}`]);
      await page.locator("#rows").getByText("PROCESSING", { exact: true }).nth(1).waitFor();
      await page.screenshot({ path: `${FOLDER}/${name}.png` });
    }
  } finally {
    await browser.close();
    await server.remove();
  }
}

void main();
