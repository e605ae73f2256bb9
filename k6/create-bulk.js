// Load on the producer with bulks: 300 virtual users, a bulk of 100 posts a second each, for five minutes.
//
//   k6 run k6/create-bulk.js
//   k6 run -e KIND=order -e BULK=1000 -e VUS=10 k6/create-bulk.js
//
// load.js says what SCENARIO, VUS, DURATION, BASE_URL and RUN_ID do.
//
// KIND      post, or order: each order of a bulk is then sent in two states, in sequence
// BULK      100; records in a bulk, at most 10,000
import exec from 'k6/execution';
import { check } from 'k6';
import { accepted, options as common, positiveInteger, producer } from './load.js';

export const options = common;
export const setup = producer.setup;

const bulk = positiveInteger('BULK', 100);
const content = 'The quick brown fox jumps over the lazy dog. '.repeat(5);

const kinds = {
  post: { path: '/create-posts', id: 'id', record: (prefix, n) => ({ title: `${prefix}-${n}`, content }) },
  order: {
    path: '/api/orders/bulk',
    id: 'order_id',
    record: (prefix, n) => ({
      order_id: `${prefix}-${Math.floor(n / 2)}`,
      customer_id: 'customer-1',
      product_id: 'product-1',
      quantity: 1 + (n % 2),
      price: '19.99',
      status: n % 2 === 0 ? 'PENDING' : 'COMPLETED',
    }),
  },
};
const kindName = __ENV.KIND || 'post';
if (!Object.hasOwn(kinds, kindName)) {
  throw new Error(`KIND is '${kindName}', but must be one of ${Object.keys(kinds).join(', ')}`);
}
const { path, id, record } = kinds[kindName];

export default function (runId) {
  const prefix = `${runId}-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;
  const records = Array.from({ length: bulk }, (_, n) => record(prefix, n));
  producer.post(path, records, (answer) => {
    // Not parsed, as for a single post; each accepted record has its id in the results.
    const ids = (answer.body || '').split(`{"${id}":`).length - 1;
    check(answer, {
      'status is 201': ({ status }) => status === 201,
      'each record has its id': () => ids === bulk,
    });
    accepted.add(ids);
  });
}
