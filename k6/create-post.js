// The classic load on the producer: 300 virtual users, one post a second each, for five minutes.
//
//   k6 run k6/create-post.js
//   k6 run -e SCENARIO=burst -e BASE_URL=http://localhost:3000 k6/create-post.js
//
// BASE_URL  http://localhost:3000
// SCENARIO  sustained: VUS users, one post a second each, for DURATION (5m)
//           burst:     VUS posts a second, then for DURATION (30s) ten times that, then 30 s as before
//           ramp:      from 0 to VUS users over DURATION (2m), 30 s at the top, and back to 0
// VUS       300
// DURATION  as above
// RUN_ID    made from the clock; every title starts with it, so you can count a run's documents in the store by
//           {title: /^RUN_ID-/}
import http from 'k6/http';
import exec from 'k6/execution';
import { check, sleep } from 'k6';

const baseUrl = (__ENV.BASE_URL || 'http://localhost:3000').replace(/\/+$/, '');
const vus = positiveInteger('VUS', 300);
const givenRunId = __ENV.RUN_ID || '';
if (givenRunId.length > 60) {
  throw new Error(`RUN_ID has ${givenRunId.length} characters, but may have at most 60: a title has room for 100`);
}

// `pause` is how long a user waits after each post; the executor of burst sets the pace itself.
const scenarios = {
  sustained: {
    pause: 1,
    load: { executor: 'constant-vus', vus, duration: __ENV.DURATION || '5m' },
  },
  burst: {
    pause: 0,
    load: {
      executor: 'ramping-arrival-rate',
      startRate: vus,
      timeUnit: '1s',
      preAllocatedVUs: vus,
      maxVUs: 10 * vus,
      stages: [
        { target: vus, duration: '15s' },
        { target: 10 * vus, duration: '0s' },
        { target: 10 * vus, duration: __ENV.DURATION || '30s' },
        { target: vus, duration: '0s' },
        { target: vus, duration: '30s' },
      ],
    },
  },
  ramp: {
    pause: 1,
    load: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: [
        { target: vus, duration: __ENV.DURATION || '2m' },
        { target: vus, duration: '30s' },
        { target: 0, duration: '10s' },
      ],
    },
  },
};

const name = __ENV.SCENARIO || 'sustained';
if (!Object.hasOwn(scenarios, name)) {
  throw new Error(`SCENARIO is '${name}', but must be one of ${Object.keys(scenarios).join(', ')}`);
}
const { pause, load } = scenarios[name];

export const options = {
  scenarios: { [name]: load },
  thresholds: {
    http_req_duration: ['p(95)<2000'],
    http_req_failed: ['rate<0.01'],
  },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
};

// Once for the run, because every user would read a different time.
export function setup() {
  const runId = givenRunId || `k6-${Date.now().toString(36)}`;
  console.log(`${name} on ${baseUrl}, RUN_ID ${runId}`);
  return runId;
}

const content = 'The quick brown fox jumps over the lazy dog. '.repeat(5);
const params = { headers: { 'Content-Type': 'application/json' } };

export default function (runId) {
  const title = `${runId}-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;
  const answer = http.post(`${baseUrl}/create-post`, JSON.stringify({ title, content }), params);
  check(answer, {
    'status is 201': ({ status }) => status === 201,
    // Not parsed: a body that is not JSON, or no body at all, must fail the check and not the iteration.
    'an id is returned': ({ body }) => /"id":\s*"[0-9a-f-]{36}"/.test(body),
  });
  sleep(pause);
}

function positiveInteger(variable, otherwise) {
  const text = __ENV[variable] || String(otherwise);
  if (!/^[1-9][0-9]*$/.test(text)) {
    throw new Error(`${variable} is '${text}', but must be a whole number above 0`);
  }
  return Number(text);
}
