// What the scripts have in common: how much load, on what, and when it is too slow.
//
// BASE_URL  http://localhost:3000; of submissions http://localhost:8000
// SCENARIO  sustained: VUS users, one request a second each, for DURATION (5m)
//           burst:     VUS requests a second, then for DURATION (30s) ten times that, then 30 s as before
//           ramp:      from 0 to VUS users over DURATION (2m), 30 s at the top, and back to 0
// VUS       300
// DURATION  as above
// P95_MS    2000: slower answers, in milliseconds, may be one in twenty; with more of them the run has failed
// TLS_CERTIFICATE, TLS_KEY  PEM files that the users show to an https:// service; SSL_CERT_FILE has its authority
// INSECURE  true: take whatever certificate the service shows
// TOKEN_FILE  file of a token, sent as Authorization: Bearer
// HEADERS   JSON object of further headers, such as {"X-API-Key":"value"}
// RUN_ID    made from the clock; what the run sends starts with it, so you can find it in the store
import http from 'k6/http';
import { sleep } from 'k6';
import { Counter } from 'k6/metrics';

const vus = positiveInteger('VUS', 300);
const givenRunId = __ENV.RUN_ID || '';
if (givenRunId.length > 40) {
  throw new Error(`RUN_ID has ${givenRunId.length} characters, but may have at most 40: an id has room for 64`);
}

// `pause` is how long a user waits after each request; the executor of burst sets the pace itself.
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

// Paths count from where k6 runs, and not from this file.
const file = (variable) => open(__ENV[variable].startsWith('/') ? __ENV[variable] : `${__ENV.PWD}/${__ENV[variable]}`);
const headers = { 'Content-Type': 'application/json', ...JSON.parse(__ENV.HEADERS || '{}') };
if (__ENV.TOKEN_FILE) {
  headers.Authorization = `Bearer ${file('TOKEN_FILE').trim()}`;
}

// How slow the answers may be.
export const inTime = [`p(95)<${positiveInteger('P95_MS', 2000)}`];

export const options = {
  scenarios: { [name]: load },
  insecureSkipTLSVerify: __ENV.INSECURE === 'true',
  tlsAuth: __ENV.TLS_CERTIFICATE ? [{ cert: file('TLS_CERTIFICATE'), key: file('TLS_KEY') }] : [],
  thresholds: {
    http_req_duration: inTime,
    http_req_failed: ['rate<0.01'],
    checks: ['rate>0.99'],
  },
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
};

// Records or submissions that were accepted, each of a bulk by itself.
export const accepted = new Counter('records_accepted');

// The service at BASE_URL, or at this address without one.
export function service(otherwise) {
  const baseUrl = (__ENV.BASE_URL || otherwise).replace(/\/+$/, '');
  return {
    // Once for the run, because every user would read a different time.
    setup() {
      const runId = givenRunId || `k6-${Date.now().toString(36)}`;
      console.log(`${name} on ${baseUrl}, RUN_ID ${runId}`);
      return runId;
    },

    // Sends the body, and then waits as long as the scenario's users do. `judge` gets the answer first.
    post(path, body, judge) {
      judge(http.post(baseUrl + path, JSON.stringify(body), { headers }));
      sleep(pause);
    },

    // The answer to a GET of this path. `route` stands for all such paths where k6 counts them.
    get(path, route) {
      return http.get(baseUrl + path, { headers, tags: { name: route } });
    },
  };
}

// The producer, on its own port.
export const producer = service('http://localhost:3000');

// A whole number above 0, from the environment.
export function positiveInteger(variable, otherwise) {
  const text = __ENV[variable] || String(otherwise);
  if (!/^[1-9][0-9]*$/.test(text)) {
    throw new Error(`${variable} is '${text}', but must be a whole number above 0`);
  }
  return Number(text);
}
