// Load on the producer with orders: 300 virtual users, one state of an order a second each, for five minutes.
//
//   k6 run k6/create-order.js
//   k6 run -e SCENARIO=ramp -e STATES=3 k6/create-order.js
//
// load.js says what SCENARIO, VUS, DURATION, BASE_URL and RUN_ID do.
//
// STATES    10; states of each order. One user owns an order, and sends its next state when the last one is accepted.
//           `quantity` is the state's number, so the store must hold the last one of each order that is COMPLETED:
//           db.orders.countDocuments({_id: /^RUN_ID-/, status: "COMPLETED", quantity: {$ne: STATES}}) is 0
import exec from 'k6/execution';
import { check } from 'k6';
import { accepted, options as common, positiveInteger, producer } from './load.js';

export const options = common;
export const setup = producer.setup;

const states = positiveInteger('STATES', 10);
const priceCents = 1999;

// Of this user: the order that it sends, and the order's next state.
let order = 1;
let state = 1;

export default function (runId) {
  const body = {
    order_id: `${runId}-${exec.vu.idInTest}-${order}`,
    customer_id: `customer-${exec.vu.idInTest}`,
    product_id: 'product-1',
    quantity: state,
    price: amount(priceCents),
    status: state === states ? 'COMPLETED' : state === 1 ? 'PENDING' : 'PROCESSING',
  };
  producer.post('/api/orders/', body, (answer) => {
    check(answer, {
      'status is 201': ({ status }) => status === 201,
      'the order and its total are returned': ({ body: text }) =>
        (text || '').includes(`"order_id":"${body.order_id}","total_amount":"${amount(state * priceCents)}"`),
    });
    if (answer.status !== 201) {
      // It may be stored or not, so the same state again.
      return;
    }
    accepted.add(1);
    state += 1;
    if (state > states) {
      order += 1;
      state = 1;
    }
  });
}

// Hundredths as text, exactly.
function amount(cents) {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}
