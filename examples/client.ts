// Sends a post, an order and a bulk of posts to the producer, and prints the ids under which they are stored.
//
//   BASE_URL=http://localhost:3000 node examples/client.ts   # Node 22.18 or later; 22.6: --experimental-strip-types
//
// Each is stored once, however often it must be sent: a post by its Idempotency-Key, an order by its order_id. In a
// program of your own keep the key beside the data, so that a restart sends the same one; here KEY names it, or it is
// new.

declare const process: { env: Record<string, string | undefined> };

type Result = { id?: string; errors?: unknown[]; unknown?: boolean; unavailable?: boolean };

const baseUrl = (process.env.BASE_URL ?? 'http://localhost:3000').replace(/\/+$/, '');
const key = process.env.KEY ?? crypto.randomUUID();
const tries = 10;
// Longer than the producer's own PRODUCER_TIMEOUT.
const timeoutMs = 30_000;

const post = { title: 'Hello', content: 'A post from TypeScript, stored once' };
console.log('post', (await send<{ id: string }>('/create-post', post, key)).id);

const order = { order_id: key, customer_id: 'C-1', product_id: 'P-1', quantity: 2, price: '19.99' };
console.log('order', (await send<{ order_id: string }>('/api/orders/', order)).order_id);

const posts = [0, 1, 2].map((n) => ({ title: `Many ${n}`, content: 'A post among others, from TypeScript' }));
console.log('bulk', ...(await sendBulk(posts, `${key}-bulk`)).map(({ id }) => id));

// The answer to a request that was accepted. Sends it again, the same under the same key, while it gets 503 or no
// answer; any other answer says that sending it again is pointless.
async function send<Answer>(path: string, body: unknown, key?: string): Promise<Answer> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (key !== undefined) headers['idempotency-key'] = key;
  if (process.env.TOKEN) headers['authorization'] = `Bearer ${process.env.TOKEN}`;
  let why: unknown;
  for (let attempt = 0; attempt < tries; attempt++) {
    let pauseSeconds = Math.min(2 ** attempt, timeoutMs / 1000);
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const answer = await fetch(baseUrl + path, { method: 'POST', headers, body: JSON.stringify(body), signal });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text) as Answer;
      why = `${answer.status} ${text}`;
      if (answer.status !== 503) break;
      const retryAfter = answer.headers.get('retry-after');
      if (retryAfter !== null && /^\d+$/.test(retryAfter)) pauseSeconds = Number(retryAfter);
    } catch (error) {
      // Not connected, or cut off: nobody knows whether it is stored.
      why = error;
    }
    await pause(pauseSeconds);
  }
  throw new Error(`${path}: given up: ${why}`);
}

// The result of each post, once all are accepted. The key fixes the id of each position, so the bulk is sent again as a
// whole, and what was accepted before stays as it is.
async function sendBulk(posts: unknown[], key: string): Promise<Result[]> {
  let results: Result[] = [];
  for (let attempt = 0; attempt < tries; attempt++) {
    ({ results } = await send<{ results: Result[] }>('/create-posts', posts, key));
    if (results.every(({ id }) => id !== undefined)) return results;
    if (results.some(({ errors }) => errors !== undefined)) break;
    await pause(1);
  }
  throw new Error(`/create-posts: given up: ${JSON.stringify(results)}`);
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

export {};
