// The runbook is compared with the alarms, the outputs and the reasons that it speaks of.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { leastLifeSeconds } from '../../lambda/rotate-key/due.ts';
import { OUTCOME_OF } from '../../lambda/rotate-key/outcome.ts';
import { inside, ofType, synthesize } from './synthesis.ts';

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const runbook = read('docs/runbook.md');
const [, ofAlarms = ''] = runbook.split('\n## The alarms\n');

/** The text of each section of an alarm, by its anchor. */
const sections = new Map(
  ofAlarms
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.slice(0, section.indexOf('\n')), section]),
);

/** Id in `Alarms` and section that the description names. */
const alarms = ofType(synthesize(), 'AWS::CloudWatch::Alarm').map(([id, { Properties }]) => ({
  id: id.replace(/^Alarms(.*)[0-9A-F]{8}$/, '$1'),
  section: /docs\/runbook\.md#([a-z0-9-]+)$/.exec(String(Properties.AlarmDescription))?.[1] ?? '',
}));

/** As GitHub makes the anchor of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
const anchorsOf = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => anchorOf(heading));

describe('docs/runbook.md', () => {
  test('has a section for each alarm, and no other', () => {
    expect([...sections.keys()].sort()).toEqual(
      [...new Set(alarms.map(({ section }) => section))].sort(),
    );
  });

  test.each(alarms)(
    '$id: its section names it, and says what is seen, meant, typed, over',
    ({ id, section }) => {
      const text = sections.get(section) ?? '';
      expect(/\*\*You see\*\* [^:]*:/.exec(text)?.[0]).toContain(`\`${id}\``);
      for (const part of ['**It means**', '**Type**', '**Over** when'])
        expect(text).toContain(part);
      expect(text).toContain('```sh\n');
    },
  );

  test('uses outputs that the stack has', () => {
    const used = [...runbook.matchAll(/output ([A-Z][A-Za-z0-9]+)/g)].map(([, name]) => name);
    expect(new Set(used).size).toBeGreaterThan(5);
    expect(Object.keys(synthesize().json.Outputs)).toEqual(expect.arrayContaining(used));
  });

  test('reads environment variables that the functions have', () => {
    const used = [...runbook.matchAll(/Environment\.Variables\.(\w+)/g)].map(([, name]) => name);
    const present = ofType(synthesize(), 'AWS::Lambda::Function').flatMap(([, { Properties }]) =>
      Object.keys(inside(Properties, 'Environment', 'Variables') ?? {}),
    );
    expect(used.length).toBeGreaterThan(0);
    expect(present).toEqual(expect.arrayContaining(used));
  });

  test('says of every outcome what to do', () => {
    const [, table = ''] = /\n## What a run answers\n([\s\S]*?)\n## /.exec(runbook) ?? [];
    const named = [...table.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([a-z-]+)`/g)].map(([, outcome]) => outcome),
    );
    const [, ...outcomes] = named;
    expect(outcomes.sort()).toEqual([...new Set(Object.values(OUTCOME_OF))].sort());
  });

  test('has something to type for every reason of a failure, and links to what it means', () => {
    const failures = Object.entries(OUTCOME_OF).filter(([, outcome]) => outcome === 'failed');
    for (const [reason] of failures) {
      expect(sections.get('rotation-failed')).toContain(
        `[\`${reason}\`](reasons.md#failed-a-person-may-be-needed)`,
      );
    }
  });

  test.each([1, 5, 6, 24, 25, 60, 1_440])(
    'says how long a key must live, with a tick every %d minutes',
    (minutes) => {
      expect(sections.get('key-overdue')).toContain(
        'six ticks, and at least 73 minutes and three ticks: 88 minutes with ticks of five minutes, or fewer',
      );
      const pace = { scheduleIntervalSeconds: minutes * 60, refreshAtFraction: 1 / 3 };
      const said = Math.max(6 * minutes, 73 + 3 * Math.max(5, minutes));
      expect(leastLifeSeconds(pace)).toBe(said * 60);
    },
  );

  test('the token endpoint is asked where npm start says, and there alone', () => {
    expect(runbook).toMatch(/^ENDPOINT=\$\{LOCAL_TOKEN_ENDPOINT:-\$\(output TokenEndpointUrl\)\}/m);
    for (const [line] of runbook.matchAll(/^curl .*$/gm)) expect(line).toContain('"$ENDPOINT"');
  });

  test('links to places that exist', () => {
    const own = anchorsOf(runbook);
    const ofReasons = anchorsOf(read('docs/reasons.md'));
    const links = [...runbook.matchAll(/\]\((reasons\.md)?(?:#([a-z0-9-]+))?\)/g)];
    expect(links.length).toBeGreaterThan(30);
    for (const [, file, anchor] of links) {
      if (anchor !== undefined) expect(file === undefined ? own : ofReasons).toContain(anchor);
    }
  });
});
