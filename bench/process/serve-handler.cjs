// The inside of a warm contender's process: loads a handler as Lambda's runtime does, and calls it as often as it is
// told to, one call at a time, from the payload's text to the answer's.
//   node serve-handler.cjs FILE      a task for each line of JSON on stdin, an outcome each on file descriptor 3
'use strict';

const { randomUUID } = require('node:crypto');
const { writeSync } = require('node:fs');
const { createInterface } = require('node:readline');
const { setTimeout: sleep } = require('node:timers/promises');
const { context, load } = require('./runtime.cjs');

const [file] = process.argv.slice(2);

/** Of all tasks together. */
let calls = 0;

/** `payload`: a login's text with `@USER`, `@TENANT` and `@TIME` in it. */
const payloads = ({ payload, tenants }) => {
  const pieces = payload.split(/"?@(USER|TENANT|TIME)"?/);
  return () => {
    calls += 1;
    const words = {
      USER: `"user-${calls}"`,
      // Nobody else may have had one for him: the table outlives this process.
      TENANT: tenants === 'fresh' ? `"fresh-${randomUUID()}"` : `"tenant-${calls % tenants}"`,
      TIME: `${Date.now()}`,
    };
    return pieces.map((piece, index) => (index % 2 === 1 ? words[piece] : piece)).join('');
  };
};

const turnOfTheLoop = () => new Promise(setImmediate);

/**
 * `perSecond`: a call is due at its time whether or not the one before it has ended, and has waited since then.
 * Without: each as soon as the one before it has ended.
 */
async function run(handler, { count, perSecond, patient, ...login }) {
  const next = payloads(login);
  const tookMs = [];
  const beganMs = performance.now();
  for (let index = 0; index < count; index += 1) {
    const dueMs = perSecond ? beganMs + (index * 1000) / perSecond : performance.now();
    // No timer: those come up to a millisecond late.
    while (performance.now() < dueMs) await turnOfTheLoop();
    const payload = next();
    let answer = await handler(JSON.parse(payload), context);
    const text = JSON.stringify(answer);
    tookMs.push(performance.now() - dueMs);
    while (patient && answer.statusCode === 429) {
      await sleep(Number(answer.headers['retry-after']) * 1_000);
      answer = await handler(JSON.parse(payload), context);
    }
    if (answer.statusCode !== 200) throw new Error(text);
  }
  return { tookMs, totalMs: performance.now() - beganMs };
}

const say = (outcome) => writeSync(3, `${JSON.stringify(outcome)}\n`);

(async () => {
  const handler = await load(file);
  for await (const line of createInterface({ input: process.stdin })) {
    say(await run(handler, JSON.parse(line)));
  }
  process.exit(0);
})().catch((error) => {
  say({ error: String(error?.stack ?? error) });
  process.exit(1);
});
