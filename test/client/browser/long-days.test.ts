// Random days of a browser: tabs, sleep, clocks that are set, faults. What must hold at every instant.

import { expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { FakeBrowser, type FakeTab, ok, type Reply, settled } from './fake-browser.ts';

type Step =
  | {
      readonly do: 'pass' | 'sleep' | 'sleep, steady clock runs' | 'set clock';
      readonly ms: number;
    }
  | { readonly do: 'ask' | 'renew' | 'online' | 'shown'; readonly tab: number }
  | { readonly do: 'endpoint'; readonly reply: Reply };

const SECOND = 1000;
const MINUTE = 60 * SECOND;

const stepOf: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('pass', 'sleep', 'sleep, steady clock runs'),
    ms: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 40 * MINUTE })),
  }),
  // Forward only: a clock that is set back during a sleep that stops the other one too hides the sleep.
  fc.record({ do: fc.constant('set clock' as const), ms: fc.integer({ min: 0, max: 1e9 }) }),
  fc.record({
    do: fc.constantFrom('ask', 'ask', 'ask', 'renew', 'online', 'shown'),
    tab: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({
    do: fc.constant('endpoint' as const),
    reply: fc.constantFrom<Reply>(
      ok(),
      ok(60),
      ok(3_600),
      ok(),
      'no network',
      'silence',
      { status: 503 },
      { status: 429, headers: { 'retry-after': '20' } },
      { status: 401 },
      { status: 403 },
    ),
  }),
);

test('no dead token is handed out, no storm comes up, and all heals', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stepOf, { minLength: 5, maxLength: 40 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (steps, random) => {
        const browser = new FakeBrowser();
        browser.random = random;
        const tabs = Array.from({ length: 3 }, () => browser.tab());
        const check = (authToken: string) => {
          expect(browser.trueMs).toBeLessThan(browser.endsAtMs.get(authToken) ?? 0);
        };
        const ask = ({ provider }: FakeTab) =>
          void provider.getToken().then(
            ({ authToken }) => check(authToken),
            () => {},
          );
        for (const step of steps) {
          // Whoever was given a token has it in hand before the computer falls asleep.
          await settled();
          if (step.do === 'endpoint') browser.reply = () => step.reply;
          else if (step.do === 'pass') await browser.pass(step.ms);
          else if (step.do === 'set clock') browser.setClock(step.ms);
          else if ('ms' in step) browser.sleep(step.ms, { steadyStops: step.do === 'sleep' });
          else {
            const tab = tabs[step.tab] as FakeTab;
            if (step.do === 'ask') ask(tab);
            else if (step.do === 'renew') void tab.provider.renew();
            else tab.emit(step.do === 'online' ? 'online' : 'visibilitychange');
          }
        }
        // Never more than the round of six in a few seconds, from each of three tabs and each step.
        expect(browser.requests.length).toBeLessThan(steps.length * 3 * 6 + 60 * 3);

        // Whatever has happened: one login and a good endpoint, and there is a token.
        browser.reply = () => ok();
        await browser.pass(2 * MINUTE);
        for (const tab of tabs) void tab.provider.renew();
        await browser.pass(MINUTE);
        for (const tab of tabs) {
          expect(tab.status).toBe('token');
          check((await tab.provider.getToken()).authToken);
          tab.provider.close();
        }
        await browser.pass(MINUTE);
        expect([browser.timers.size, browser.channels.size, browser.locksAsked]).toEqual([0, 0, 0]);
      },
    ),
    { numRuns: 200 },
  );
});
