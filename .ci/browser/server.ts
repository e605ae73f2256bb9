/** The program under test: the real binary, API and worker in one process, on an SQLite file of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = process.env.SUBMISSIONS ?? "target/release/submissions";

export class Server {
  readonly #folder = mkdtempSync(join(tmpdir(), "submissions-"));
  #settings: Record<string, string>;
  #child: ChildProcess | undefined;
  #output = "";
  #port = "0";

  private constructor(settings: Record<string, string>) {
    this.#settings = settings;
  }

  /** Starts one with these settings, and waits until it answers. */
  static async start(settings: Record<string, string> = {}): Promise<Server> {
    const server = new Server(settings);
    await server.again();
    return server;
  }

  /** Its address, the same after each start. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Starts it again, on the same file and the same port, perhaps with other settings. */
  async again(settings: Record<string, string> = {}): Promise<void> {
    this.#settings = { ...this.#settings, ...settings };
    const state = join(this.#folder, "state.json");
    rmSync(state, { force: true });
    // It ends with this process, even if this one is killed.
    const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", PROGRAM], {
      env: {
        ...process.env,
        HOST: "127.0.0.1",
        PORT: this.#port,
        ADMIN_PORT: "0",
        DATABASE_URL: `sqlite:${join(this.#folder, "submissions.db")}`,
        STATE_FILE: state,
        LOG: "warn",
        ...this.#settings,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (this.#output += String(text)));
    await eventually("the server's answer", async () => {
      if (child.exitCode !== null) throw new Error(`${PROGRAM} ended:\n${this.#output}`);
      this.#port = (JSON.parse(readFileSync(state, "utf8")) as { address: string }).address.split(":").at(-1) ?? "";
      return (await fetch(`${this.url}/readyz`)).ok;
    });
  }

  /** Ends it in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  /** Ends it, and removes what it has kept. */
  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Submits by the API, as another client would; the id. */
  async submit(content: string): Promise<string> {
    return (await this.#post("/api/submissions/", JSON.stringify({ content }))).id;
  }

  /** Cancels by the API. */
  async cancel(id: string): Promise<void> {
    await this.#post(`/api/submissions/${id}/cancel`, "");
  }

  /** Waits until all that are there are final. */
  async rest(): Promise<void> {
    await eventually("nothing to do", async () => {
      const answer = await fetch(`${this.url}/api/stats`);
      const { statuses } = (await answer.json()) as { statuses: Record<string, number> };
      return statuses.PENDING === 0 && statuses.PROCESSING === 0;
    });
  }

  async #post(path: string, body: string): Promise<{ id: string }> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${this.url}${path}`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { id: string };
  }
}

/** Waits until something is true; what throws is not true yet. */
export async function eventually(what: string, isTrue: () => boolean | Promise<boolean>, seconds = 20): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      if (await isTrue()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`waited ${seconds} s for ${what}`, { cause: last });
}
