// Load on submissions: 300 virtual users, one submission a second each, for five minutes. After each one, a user looks
// at the oldest of its submissions that was not final yet, and compares the verdict with what the rule says of its
// content.
//
//   k6 run k6/submissions.js
//   k6 run -e VUS=50 -e DURATION=1m -e BASE_URL=http://localhost:8000 k6/submissions.js
//
// load.js says what SCENARIO, VUS, DURATION, P95_MS, BASE_URL and RUN_ID do. Every content starts with RUN_ID, its
// digits written as letters, so you can find a run's submissions.
import exec from 'k6/execution';
import { check } from 'k6';
import { Trend } from 'k6/metrics';
import { accepted, inTime, options as common, service } from './load.js';

// Both are answered in little time, whatever the work takes.
const watched = 'http_req_duration{name:/api/submissions/{id}}';
export const options = { ...common, thresholds: { ...common.thresholds, [watched]: inTime } };

const submissions = service('http://localhost:8000');
export const setup = submissions.setup;

// From the moment at which a submission was there to its verdict, by the clock of the service.
const untilFinal = new Trend('until_final', true);

// Of this user: submissions that are not known to be final, and whether the rule lets each of them pass.
const open = [];

export default function (runId) {
  const text = `${runId}-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`.replace(/[0-9]/g, asLetter);
  // Each tenth has no digit, so it fails. None equals another one, or the cache would answer it.
  const passes = exec.vu.iterationInInstance % 10 !== 9;
  const content = `${text} is worked on${passes ? ', 1 among others' : ''}`;
  submissions.post('/api/submissions/', { content }, (answer) => {
    const id = /"id":\s*"([0-9a-f-]{36})"/.exec(answer.body || '')?.[1];
    check(answer, {
      'status is 202': ({ status }) => status === 202,
      'an id is returned': () => id !== undefined,
    });
    if (answer.status === 202 && id !== undefined) {
      accepted.add(1);
      open.push({ id, passes });
    }
    look();
  });
}

// Looks at this user's oldest submission that is not known to be final.
function look() {
  if (open.length === 0) {
    return;
  }
  const [{ id, passes }] = open;
  const answer = submissions.get(`/api/submissions/${id}`, '/api/submissions/{id}');
  if (!check(answer, { 'it is there': ({ status }) => status === 200 })) {
    return;
  }
  const { status, created_at: created, processed_at: processed } = answer.json();
  if (status === 'PENDING' || status === 'PROCESSING') {
    return;
  }
  open.shift();
  check(status, { 'the verdict is what the rule says': () => status === (passes ? 'PASSED' : 'FAILED') });
  untilFinal.add(Date.parse(processed) - Date.parse(created));
}

function asLetter(digit) {
  return 'abcdefghij'[digit];
}
