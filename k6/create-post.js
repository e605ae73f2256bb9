// The classic load on the producer: 300 virtual users, one post a second each, for five minutes.
//
//   k6 run k6/create-post.js
//   k6 run -e SCENARIO=burst -e BASE_URL=http://localhost:3000 k6/create-post.js
//
// load.js says what SCENARIO, VUS, DURATION, BASE_URL and RUN_ID do. Every title starts with RUN_ID, so you can count a
// run's documents in the store by {title: /^RUN_ID-/}.
import exec from 'k6/execution';
import { check } from 'k6';
import { accepted, options as common, producer } from './load.js';

export const options = common;
export const setup = producer.setup;

const content = 'The quick brown fox jumps over the lazy dog. '.repeat(5);

export default function (runId) {
  const title = `${runId}-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;
  producer.post('/create-post', { title, content }, (answer) => {
    check(answer, {
      'status is 201': ({ status }) => status === 201,
      // Not parsed: a body that is not JSON, or no body at all, must fail the check and not the iteration.
      'an id is returned': ({ body }) => /"id":\s*"[0-9a-f-]{36}"/.test(body),
    });
    accepted.add(answer.status === 201 ? 1 : 0);
  });
}
