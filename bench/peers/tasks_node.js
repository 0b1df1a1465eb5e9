// SPDX-License-Identifier: MIT
// The scheduler's workloads on Node's promises.
//   node tasks_node.js W1|W1b|W2|W3|W4|timers [n]
'use strict';
const fs = require('fs');

const statusKb = (key) => Number(fs.readFileSync('/proc/self/status', 'utf8').match(new RegExp(`${key}:\\s+(\\d+)`))[1]);
const now = () => process.hrtime.bigint();
const argument = (byDefault) => (process.argv[3] ? Number(process.argv[3]) : byDefault);
const baseKb = statusKb('VmRSS');
let count = 0;

function report(workload, n, time, ok) {
  const ns = Number(time);
  const fields = ['RESULT', 'node', workload, n, (ns / n).toFixed(2), (ns / 1e6).toFixed(2), statusKb('VmHWM'), baseKb, '-'];
  console.log([...fields, ok ? 'ok' : 'BAD'].join('\t'));
}

async function measure(workload, n, expected, body) {
  count = 0;
  const begin = now();
  await body();
  report(workload, n, now() - begin, count === expected);
}

// An async function starts at once; the await sends it once through the queue, as a task that a loop starts.
async function trivial() {
  await null;
  count++;
}

async function spawnAndJoin(start, n) {
  const promises = new Array(n);
  for (let i = 0; i < n; i++) promises[i] = start();
  await Promise.all(promises);
}

async function yielder(n) {
  for (let i = 0; i < n; i++) {
    await null;
    count++;
  }
}

async function child(i) {
  return i & 1;
}

// Sets and clears timers at random distances while `pending` others wait.
function timers(n, pending) {
  let random = 2463534242;
  const distance = () => {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return 1000 + (random >>> 0) % 60000;
  };
  const waiting = [];
  for (let i = 0; i < pending; i++) waiting.push(setTimeout(() => {}, distance()));
  const begin = now();
  for (let i = 0; i < n; i++) {
    clearTimeout(setTimeout(() => {}, distance()));
    count++;
  }
  const time = now() - begin;
  waiting.forEach(clearTimeout);
  return time;
}

const workloads = {
  async W1() {
    const n = argument(1000000);
    await measure('W1', n, n, () => spawnAndJoin(trivial, n));
    await measure('W1warm', n, n, () => spawnAndJoin(trivial, n));
  },
  async W1b() {
    const n = argument(1000000);
    await measure('W1b', n, n, async () => {
      for (let batch = 0; batch < n / 1000; batch++) await spawnAndJoin(trivial, 1000);
    });
  },
  async W2() {
    const n = argument(10000000);
    await measure('W2', n, n, () => Promise.all([yielder(n / 2), yielder(n / 2)]));
  },
  async W3() {
    const n = argument(10000000);
    await measure('W3', n, n / 2, async () => {
      for (let i = 0; i < n; i++) count += await child(i);
    });
  },
  async W4() {
    const n = argument(1000000);
    const seconds = Number(process.env.SLEEP_S || '5');
    const sleeper = async () => {
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      count++;
    };
    const begin = now();
    await spawnAndJoin(sleeper, n);
    // Its timers have whole milliseconds and may fire up to 1 ms early.
    const time = now() - begin + 1000000n - BigInt(seconds) * 1000000000n;
    report('W4', n, time > 0n ? time : 0n, count === n && time >= 0n);
  },
  async timers() {
    const n = argument(1000000);
    for (const pending of [0, 1000, 1000000]) {
      count = 0;
      const time = timers(n, pending);
      report(`timer-${pending}`, n, time, count === n);
    }
  },
};

const chosen = workloads[process.argv[2]];
if (!chosen) {
  console.error('usage: tasks_node.js W1|W1b|W2|W3|W4|timers [n]');
  process.exit(2);
}
chosen().catch((error) => {
  console.error(error);
  process.exit(1);
});
