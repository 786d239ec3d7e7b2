// docs/cost.md is what docs/snippets/deploy/cost.ts computes, from what the template has.
import { describe, expect, test } from '@jest/globals';
import {
  costOf,
  costTable,
  itemsOf,
  PRICES,
  SHARING_USES,
  TAKES,
  USES,
} from '../../docs/snippets/deploy/cost.ts';
import { inside, ofType, synthesize } from '../lib/synthesis.ts';
import { read } from './markdown.ts';

const page = read('docs/cost.md');

test('the tables are the computed ones', () => {
  expect(page).toContain(`\n\n${costTable()}\n\n`);
  expect(page).toContain(`\n\n${costTable(SHARING_USES)}\n\n`);
});

test('a column by hand: one key, no tokens', () => {
  // 1 secret, 730 × 2 looks + half a renewal of 12 + 730 × 60 reads, 730 runs of 2 s at ¼ GB, 7 metrics
  // above none, 8 alarms, 1 dashboard, 730 × 3,100 bytes of log.
  const byHand =
    0.4 +
    (1_460 + 6 + 43_800) * 0.000005 +
    730 * 0.0000002 +
    365 * 0.0000133334 +
    730.5 * 0.000001 +
    7 * 0.3 +
    8 * 0.1 +
    3 +
    0.002263 * 0.5 +
    0.002263 * 3 * 0.03;
  const sum = (free: boolean) =>
    itemsOf({ keys: 1 }).reduce((total, item) => total + costOf(item, { free }), 0);
  expect(sum(false)).toBeCloseTo(byHand, 6);
  // Free of charge remains all but the secret, its calls, the bus and the kept log.
  expect(sum(true)).toBeCloseTo(0.4 + 45_266 * 0.000005 + 0.0007305 + 0.000204, 4);
});

test('the prices that the page names beside the table', () => {
  const perMonth = (use: Parameters<typeof itemsOf>[0]) =>
    itemsOf(use).reduce((sum, item) => sum + costOf(item, { free: false }), 0);
  const key = perMonth({ keys: 2 }) - perMonth({ keys: 1 });
  expect(page).toContain(`**Keys**: ${key.toFixed(2)} USD each`);
  expect(page).toContain(`${(PRICES.secretCalls * 60 * 730).toFixed(2)} USD each, at a look`);
  expect(page).toContain(`${(PRICES.secretCalls * 2 * 60 * 730).toFixed(2)} USD of calls`);
  const million = perMonth({ keys: 1, vends: 2_000_000 }) - perMonth({ keys: 1, vends: 1_000_000 });
  expect(page).toContain(`about ${million.toFixed(1)} USD per million that are shared`);
  const minted =
    perMonth({ keys: 1, vends: 2_000_000, sharing: false }) -
    perMonth({ keys: 1, vends: 1_000_000, sharing: false });
  expect(page).toContain(`${minted.toFixed(1)} where each is minted`);
  // Where the two cross: what the table costs, over what a shared login saves in Lambda.
  const even = (vends: number) =>
    perMonth({ keys: 1, vends }) - perMonth({ keys: 1, vends, sharing: false });
  expect(even(1_700_000)).toBeGreaterThan(0);
  expect(even(1_850_000)).toBeLessThan(0);
});

test('what is free is taken off once, and never more than there is', () => {
  const users = (quantity: number) =>
    costOf({ what: '', priced: 'activeUsers', quantity }, { free: true });
  expect([users(0), users(10_000), users(10_001)]).toEqual([0, 0, expect.closeTo(0.015, 6)]);
});

describe('what is taken for granted is what the template has', () => {
  const alarms = (config: unknown) => ofType(synthesize(config), 'AWS::CloudWatch::Alarm').length;

  test('alarms and dashboards', () => {
    expect(alarms({ tokenEndpoint: false })).toBe(TAKES.rotationAlarms);
    expect(alarms({})).toBe(TAKES.rotationAlarms + TAKES.endpointAlarms);
    expect(ofType(synthesize(), 'AWS::CloudWatch::Dashboard')).toHaveLength(1);
  });

  test('memory, processor, schedule, months of logs', () => {
    const functions = ofType(synthesize(), 'AWS::Lambda::Function').map(([, it]) => it.Properties);
    expect(functions.map(({ MemorySize }) => Number(MemorySize) / 1024).sort()).toEqual(
      [TAKES.runMemoryGb, TAKES.vendMemoryGb].sort(),
    );
    for (const { Architectures } of functions) expect(Architectures).toEqual(['arm64']);
    for (const [, { Properties }] of ofType(synthesize(), 'AWS::Logs::LogGroup')) {
      expect(Properties.RetentionInDays).toBe(TAKES.logMonths * 30);
    }
    const [[, rule] = []] = ofType(synthesize(), 'AWS::Events::Rule');
    expect(rule?.Properties.ScheduleExpression).toBe('rate(1 hour)');
  });

  test('detailed metrics of one route; a user pool of AWS’s default plan', () => {
    const [[, stage] = []] = ofType(synthesize(), 'AWS::ApiGatewayV2::Stage');
    expect(inside(stage, 'Properties', 'DefaultRouteSettings', 'DetailedMetricsEnabled')).toBe(
      true,
    );
    expect(ofType(synthesize(), 'AWS::ApiGatewayV2::Route')).toHaveLength(1);
    const [[, pool] = []] = ofType(synthesize(), 'AWS::Cognito::UserPool');
    expect(pool?.Properties).not.toHaveProperty('UserPoolTier');
  });

  test('metrics of the functions: those that the dashboard draws', () => {
    const body = JSON.stringify(ofType(synthesize(), 'AWS::CloudWatch::Dashboard'));
    const own = new Set(body.match(/\\"MomentoAuth\\",\\"\w+/g) ?? []);
    expect(own.size).toBe(TAKES.rotationMetrics + TAKES.endpointMetrics);
  });

  test('the columns are of configurations that exist', () => {
    for (const { keys } of Object.values(USES)) {
      const names = Array.from({ length: keys }, (_, index) => ({
        name: index === 0 ? 'default' : `key${index}`,
      }));
      expect(() => synthesize({ keys: names })).not.toThrow();
    }
  });
});
