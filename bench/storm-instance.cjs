// Preloaded into an instance of a storm.
//   STORM_CLOCK_OFFSET_MS: how far its clock is ahead: all that asks for the time is told that one
//   Each time that the function has slept is told on stdout: a busy machine makes everything slow, but only the
//   function itself makes anybody wait.
'use strict';

const offsetMs = Number(process.env.STORM_CLOCK_OFFSET_MS ?? 0);
const { now } = Date;
const shifted = () => now() + offsetMs;

globalThis.Date = new Proxy(Date, {
  apply: () => new globalThis.Date().toString(),
  construct: (target, given, newTarget) =>
    Reflect.construct(target, given.length === 0 ? [shifted()] : given, newTarget),
  get: (target, name) => (name === 'now' ? shifted : Reflect.get(target, name)),
});

const { setTimeout: after } = globalThis;

globalThis.setTimeout = (callback, delayMs, ...given) =>
  after(() => {
    process.stdout.write(`{"sleptMs":${delayMs}}\n`);
    callback(...given);
  }, delayMs);
