// The inside of a contender's process: loads a handler as Lambda's runtime does, and calls it once.
//   node run-handler.cjs FILE EVENT      the outcome goes to file descriptor 3, as a line of JSON
'use strict';

const { writeSync } = require('node:fs');
const { context, load } = require('./runtime.cjs');

const [file, event] = process.argv.slice(2);

(async () => {
  const handler = await load(file);
  const loadedMs = performance.now();
  const answer = await handler(JSON.parse(event), context);
  const answeredMs = performance.now();
  const startedAtMs = performance.timeOrigin;
  const { user, system } = process.cpuUsage();
  const cpuMs = (user + system) / 1000;
  writeSync(3, `${JSON.stringify({ startedAtMs, loadedMs, answeredMs, cpuMs, answer })}\n`);
})().catch((error) =>
  writeSync(3, `${JSON.stringify({ error: String(error?.stack ?? error) })}\n`),
);
