// No credential leaves a run, whoever quotes it: Momento's errors, AWS's errors, their causes, the pair that
// only memory has. The logger is the real one; so is what events, results and the thrown error are made of.

import { describe, expect, test } from '@jest/globals';
import { AwsError } from '../../../local/aws/aws-error.ts';
import { DAY_SECONDS, HOUR_SECONDS, type Invocation, World } from './world.ts';

interface Pair {
  readonly apiKey: string;
  readonly refreshToken: string;
}

const wireKeyOf = ({ apiKey }: Pair): string =>
  JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8')).api_key;

/** Every credential of a pair. */
const credentialsOf = (pair: Pair): string[] => [
  pair.apiKey,
  pair.refreshToken,
  wireKeyOf(pair),
  Buffer.from(pair.refreshToken).toString('base64'),
];

/** And what would stay of one that was taken out in part. */
const tracesOf = (pair: Pair): string[] => [
  ...credentialsOf(pair),
  wireKeyOf(pair).split('.')[2] ?? '',
];

/** Every pair that is or was in the secret, or that Momento handed out. */
function pairsOf(world: World): Pair[] {
  const texts = [
    ...world.secrets.inspect(world.arn).map(({ secretString }) => secretString ?? ''),
    ...[...world.unstored.values()].map(({ refreshed }) => JSON.stringify(refreshed)),
  ];
  return texts.map((text) => JSON.parse(text)).filter(({ apiKey }) => apiKey !== undefined);
}

const ENDPOINT = 'cell.momento.example';
const QUOTED = 'quoted from';

/** Quotes everything, in every place that an SDK's error has. */
function quoting(name: string, pair: Pair, more = ''): Error {
  const text = `${QUOTED} ${ENDPOINT} eu-west-1: ${JSON.stringify({ ...pair })} ${wireKeyOf(pair)} ${credentialsOf(pair).join(' ')} ${more}`;
  const cause = Object.assign(new Error(`cause ${text}`), { cause: new Error(text) });
  return Object.assign(new AwsError(name, text, { cause }), {
    $metadata: { httpStatusCode: 400, requestId: text },
    $response: { body: text },
    metadata: { authorization: [wireKeyOf(pair)], details: text },
    details: text,
  });
}

function due(): World {
  const world = new World();
  world.import();
  world.wait(21 * DAY_SECONDS);
  return world;
}

function everythingThatLeft(world: World, ended: Invocation): string[] {
  return [
    ...world.logged,
    JSON.stringify(world.events),
    JSON.stringify(ended.keys),
    String(ended.error?.message),
    String(ended.error?.stack),
    String(ended.error?.cause),
    JSON.stringify(ended.error?.keys ?? []),
  ];
}

function expectClean(world: World, ended: Invocation): void {
  const pairs = pairsOf(world);
  expect(pairs.length).toBeGreaterThan(0);
  for (const text of everythingThatLeft(world, ended)) {
    for (const credential of pairs.flatMap(tracesOf)) {
      // Not `toContain`: a failing test would print the one with the other.
      expect(text.includes(credential)).toBe(false);
    }
  }
}

/** Both the log and what people are told say what happened, with the ordinary words in it. */
function expectReadable(world: World, ended: Invocation): void {
  const [first] = ended.keys;
  for (const text of [
    world.logged.join('\n'),
    JSON.stringify(world.events),
    String(first?.message),
    String(ended.error?.message),
  ]) {
    expect(text).toMatch(`${QUOTED} ${ENDPOINT} eu-west-1: `);
    expect(text).toContain('[redacted]');
  }
  expect(ended.error?.message).toContain(world.arn);
  expect(world.events[0]?.detail.secretArn).toBe(world.arn);
  expect(world.events[0]?.resources).toEqual([world.arn]);
  expect(first?.secretId).toBe(world.arn);
}

describe('an error that quotes the pair in the secret', () => {
  test.each([
    ['Momento’s refresh', 'RefreshApiKey', 1, 'momento-unreachable'],
    ['the claim', 'PutSecretValue', 1, 'access-denied'],
    ['the reading of the claim', 'GetSecretValue', 2, 'access-denied'],
    ['the look at what is current', 'DescribeSecret', 2, 'access-denied'],
  ])('%s', async (_, wanted, from, reason) => {
    const world = due();
    const pair = world.current();
    let seen = 0;
    world.fault = (call) =>
      call === wanted && ++seen >= from ? quoting('AccessDeniedException', pair) : undefined;
    const ended = (await world.invoke()) as Invocation;
    expect(ended.keys).toMatchObject([{ outcome: 'failed', reason }]);
    expectClean(world, ended);
    expectReadable(world, ended);
  });

  test('the announcement: it is in the log alone', async () => {
    const world = due();
    const pair = world.current();
    world.fault = (call) => (call === 'PutEvents' ? quoting('Error', pair) : undefined);
    const ended = (await world.invoke()) as Invocation;
    expect(ended.keys).toMatchObject([{ outcome: 'rotated' }]);
    expectClean(world, ended);
    expect(world.logged.join()).toMatch(`${QUOTED} ${ENDPOINT} eu-west-1: `);
  });
});

describe('an error that quotes the new pair', () => {
  test.each<[string, string, number, string]>([
    ['its storing', 'PutSecretValue', 2, 'stage-failed'],
    ['its test', 'ListCaches', 1, 'momento-unreachable'],
    ['its promotion', 'UpdateSecretVersionStage', 1, 'access-denied'],
  ])('%s', async (_, wanted, from, reason) => {
    const world = due();
    let seen = 0;
    let newest: Pair | undefined;
    world.fault = (call, input) => {
      const text = (input as { SecretString?: string }).SecretString;
      if (call === 'PutSecretValue' && text?.includes('refreshToken')) newest = JSON.parse(text);
      return call === wanted && ++seen >= from && newest !== undefined
        ? quoting('AccessDeniedException', newest)
        : undefined;
    };
    const ended = (await world.invoke()) as Invocation;
    expect(ended.keys).toMatchObject([{ outcome: 'failed', reason }]);
    expectClean(world, ended);
    expectReadable(world, ended);
  });

  test('after a label could not be taken off', async () => {
    const world = due();
    const before = world.labels().AWSCURRENT;
    world.fault = (call) =>
      call === 'UpdateSecretVersionStage' && world.labels().AWSCURRENT !== before
        ? quoting('AccessDeniedException', world.current())
        : undefined;
    const ended = (await world.invoke()) as Invocation;
    expect(ended.keys).toMatchObject([{ outcome: 'rotated' }]);
    expectClean(world, ended);
    expect(world.logged.join()).toMatch(`${QUOTED} ${ENDPOINT} eu-west-1: `);
  });

  test('a process that knows the pair only from its pending version', async () => {
    const world = due();
    world.fault = (call) => (call === 'ListCaches' ? 'kill' : undefined);
    await world.invoke();
    const fresh = new World();
    // Its redactor has learned nothing from Momento.
    world.wait(HOUR_SECONDS);
    const pending = world.secrets
      .inspect(world.arn)
      .find(({ stages }) => stages.includes('AWSPENDING'));
    const pair: Pair = JSON.parse(pending?.secretString ?? '');
    fresh.put(JSON.stringify(world.current()));
    fresh.put(JSON.stringify(pair), undefined, ['AWSPENDING']);
    fresh.fault = (call) =>
      call === 'UpdateSecretVersionStage' ? quoting('AccessDeniedException', pair) : undefined;
    const ended = (await fresh.invoke()) as Invocation;
    expect(ended.keys).toMatchObject([{ outcome: 'failed', reason: 'access-denied' }]);
    expectClean(fresh, ended);
    expectReadable(fresh, ended);
  });
});

test('a value that is no key at all is a secret as a whole', async () => {
  const world = new World();
  const value = 'correct-horse-battery-staple';
  world.put(value);
  world.fault = (call) => (call === 'PutEvents' ? new Error(`${QUOTED} ${value}`) : undefined);
  const ended = (await world.invoke()) as Invocation;
  expect(ended.keys).toMatchObject([{ reason: 'unparsable-value' }]);
  const left = everythingThatLeft(world, ended).join('\n');
  expect(left.includes(value)).toBe(false);
  expect(left).toContain(`${QUOTED} [redacted]`);
});

test('a secret’s value named as the secret to renew is not told to anybody', async () => {
  const world = due();
  const { refreshToken } = world.current();
  await world.invoke();
  const ended = (await world.invoke({ secretId: refreshToken })) as Invocation;
  expect(ended.keys).toMatchObject([{ secretId: '[redacted]', reason: 'secret-not-found' }]);
  expectClean(world, ended);
});
