// One user never gets what was made for another, however many ask at once.

import { afterEach, expect, test } from '@jest/globals';
import { codeOf, grantsOf, tokenOf, World } from './world.ts';

let world: World | undefined;
afterEach(() => world?.close());

test('two tenants, 1,000 vends at once: each gets his own, and a token of its own', async () => {
  const made = await World.start();
  world = made;
  const callers = Array.from({ length: 1_000 }, (_, index) => ({
    sub: `user-${index}`,
    'custom:tenantId': index % 2 === 0 ? '1' : '10',
  }));
  const answers = await Promise.all(
    callers.map((caller) => made.vendInstantly(made.event(caller))),
  );
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
  expect(made.secretReads).toBe(1);
  for (const [index, { sub, 'custom:tenantId': tenant }] of callers.entries()) {
    const answer = answers[index];
    if (answer === undefined) throw new Error('each has an answer');
    const recorded = made.recorded(answer);
    expect(tokenOf(answer).tokenId).toBe(sub);
    expect(recorded.tokenId).toBe(sub);
    expect(grantsOf(recorded)).toEqual([
      `items 2 calendar-events prefix ${tenant}:`,
      `topics 1 collaboration ${tenant}-events`,
    ]);
  }
  expect(new Set(answers.map((answer) => tokenOf(answer).authToken)).size).toBe(1_000);
  // One audit line each, about the right one.
  const audited = new Map(made.lines.map(({ subject, tenant }) => [subject, tenant]));
  expect(audited.size).toBe(1_000);
  for (const caller of callers) {
    expect(audited.get(caller.sub)).toEqual({ ...caller });
  }
});

test('failures in between reach those whom they befell, and nobody else', async () => {
  const made = await World.start();
  world = made;
  made.momentoFault = (turn) => (turn % 5 === 0 ? { refuse: 'INVALID_ARGUMENT' } : undefined);
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) =>
      made.vendInstantly(made.event({ sub: `user-${index}` })),
    ),
  );
  const failed = answers.filter(({ statusCode }) => statusCode !== 200);
  expect(failed.map(codeOf)).toEqual(Array(40).fill('bad-policy'));
  for (const [index, answer] of answers.entries()) {
    if (answer.statusCode === 200) expect(made.recorded(answer).tokenId).toBe(`user-${index}`);
  }
});
