// A job queue of graphile-worker to be measured: it enqueues, works, or does both. The driver, run.py, reads what it
// prints.
//
//   main.js migrate URL
//   main.js fill    URL JOBS                        enqueues them in bulk
//   main.js enqueue URL CLIENTS SECONDS             single jobs; prints the seconds that it took
//   main.js work    URL JOBS_AT_ONCE SLEEP_SECONDS  prints how many jobs have begun, until it is stopped
//   main.js latency URL JOBS                        prints milliseconds from before and after the enqueue

import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';

const CONTENT_CHARS = 250;
// In one addJobs.
const BULK = 5000;
// Each commit that notifies waits for the previous one, so more connections than its default only wait.
const ENQUEUE_CONNECTIONS = 10;
// How often a line says how many jobs have begun.
const LOOK_MS = 10;
// The pause between two jobs whose latency is measured, at least and at most.
const PAUSE_MS = [110, 210];

const logger = new Logger(() => (level, message) => {
  if (level === 'error' || level === 'warning') console.error(level, message);
});
const now = () => performance.timeOrigin + performance.now();

const content = (number) => `job ${number} `.padEnd(CONTENT_CHARS, 'x');

const utils = (url) => {
  const pgPool = new pg.Pool({ connectionString: url, max: ENQUEUE_CONNECTIONS });
  pgPool.on('error', (error) => console.error(error));
  return makeWorkerUtils({ pgPool, logger });
};

// What its documentation recommends for throughput, with 24 jobs at once.
const WORK_CONNECTIONS = 25;
const batching = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };

const start = (url, concurrentJobs, task, settings) =>
  run({
    preset: {
      worker: { connectionString: url, concurrentJobs, maxPoolSize: WORK_CONNECTIONS, logger, ...settings },
    },
    taskList: { job: task },
    noHandleSignals: true,
  });

const commands = {
  async migrate(url) {
    const all = await utils(url);
    await all.migrate();
    await all.release();
  },

  async fill(url, jobs) {
    const all = await utils(url);
    for (let first = 0; first < jobs; first += BULK) {
      const length = Math.min(BULK, jobs - first);
      const payload = (place) => ({ content: content(first + place) });
      await all.addJobs(Array.from({ length }, (_, place) => ({ identifier: 'job', payload: payload(place) })));
    }
    await all.release();
  },

  async enqueue(url, clients, seconds) {
    const all = await utils(url);
    const began = now();
    let number = 0;
    const client = async () => {
      while (now() - began < 1000 * seconds) await all.addJob('job', { content: content(++number) });
    };
    await Promise.all(Array.from({ length: clients }, client));
    console.log('seconds', (now() - began) / 1000);
    await all.release();
  },

  async work(url, jobsAtOnce, sleepSeconds) {
    let [first, begun, running, shown] = [0, 0, 0, 0];
    const task = async () => {
      begun += 1;
      first ||= now();
      if (sleepSeconds > 0) {
        running += 1;
        await sleep(1000 * sleepSeconds);
        running -= 1;
      }
    };
    const settings = { ...batching, localQueue: { size: Math.max(batching.localQueue.size, jobsAtOnce) } };
    const runner = await start(url, jobsAtOnce, task, settings);
    process.once('SIGTERM', () => runner.stop());
    const show = setInterval(() => {
      if (begun === shown) return;
      if (shown === 0) console.log('first', first / 1000);
      console.log('begun', begun, running);
      shown = begun;
    }, LOOK_MS);
    await runner.promise;
    clearInterval(show);
  },

  async latency(url, jobs) {
    const found = [];
    let begun;
    const task = async () => begun(now());
    const runner = await start(url, 4, task, {});
    await sleep(1000);
    for (let number = 0; number < jobs; number += 1) {
      const work = new Promise((resolve) => (begun = resolve));
      const began = now();
      await runner.addJob('job', { content: content(number) });
      const ended = now();
      const start = await work;
      found.push([start - began, start - ended]);
      await sleep(PAUSE_MS[0] + Math.random() * (PAUSE_MS[1] - PAUSE_MS[0]));
    }
    await runner.stop();
    console.log(JSON.stringify(found));
  },
};

const [command, url, ...numbers] = process.argv.slice(2);
await commands[command](url, ...numbers.map(Number));
