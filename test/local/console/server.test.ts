// The page's server, asked with fetch: what it tells, what it does, and whom it turns away.

import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Faults } from '../../../local/console/faults.ts';
import { startConsole } from '../../../local/console/server.ts';
import type {
  FaultName,
  LoggedIn,
  Reason,
  Snapshot,
  TokenInWords,
} from '../../../local/console/told.ts';
import { Ear } from './ear.ts';
import { OUTAGE_MS, startWorld, type World } from './world.ts';

let world: World;
let ear: Ear;

beforeAll(async () => {
  world = await startWorld();
  world.importKey();
  ear = await Ear.open(world.page.url);
}, 60_000);
afterAll(async () => {
  ear?.close();
  await world?.close();
});

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(world.page.url + path, {
    method: 'POST',
    headers: { origin: world.page.url, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

const press = (fault: FaultName) => post(`/faults/${fault}`, {});

async function snapshot(): Promise<Snapshot> {
  const newcomer = await Ear.open(world.page.url);
  newcomer.close();
  const [first] = newcomer.all;
  if (first?.kind !== 'snapshot') throw new Error('the first news is no snapshot');
  return first.snapshot;
}

/** What the page's own server answers with, by the types that both sides share. */
const read = async <Answer>(answer: Response): Promise<Answer> => (await answer.json()) as Answer;

const bearer = async (id: string): Promise<string> =>
  `Bearer ${(await read<LoggedIn>(await post('/login', { id }))).idToken}`;

async function tokenFor(id: string): Promise<string> {
  const authorization = await bearer(id);
  const answer = await post('/token', {}, { authorization });
  expect(answer.status).toBe(200);
  return (await read<{ authToken: string }>(answer)).authToken;
}

describe('who is let in', () => {
  /** With a Host of one's choice, as fetch does not allow. */
  const statusWith = (headers: Record<string, string>, method = 'GET', path = '/') =>
    new Promise<number | undefined>((resolve, reject) => {
      request(world.page.url + path, { method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end(method === 'POST' ? '{}' : undefined);
    });

  test('a name that was made to point here is turned away, whatever it asks for', async () => {
    for (const host of [
      'evil.example',
      'evil.example:80',
      '127.0.0.1.evil.example',
      'localhost.evil',
    ]) {
      expect([host, await statusWith({ host })]).toEqual([host, 403]);
      expect([host, await statusWith({ host }, 'GET', '/news')]).toEqual([host, 403]);
      const origin = `http://${host}`;
      expect([host, await statusWith({ host, origin }, 'POST', '/faults/tick')]).toEqual([
        host,
        403,
      ]);
    }
    expect(await statusWith({ host: 'localhost:1234' })).toBe(200);
  });

  test('changes come from the page itself alone', async () => {
    for (const origin of ['http://evil.example', 'null', world.page.url.replace('http', 'https')]) {
      expect((await post('/faults/tick', {}, { origin })).status).toBe(403);
      expect((await post('/login', { id: 'tenant-a-data-entry' }, { origin })).status).toBe(403);
    }
    const host = new URL(world.page.url).host;
    expect(await statusWith({ host }, 'POST', '/faults/tick')).toBe(403);
    expect(await statusWith({ host }, 'PUT', '/faults/tick')).toBe(405);
  });

  test('every answer forbids scripts and styles of anybody else, and keeping it', async () => {
    for (const path of ['/', '/page.js', '/style.css', '/icon.svg', '/nothing']) {
      const answer = await fetch(world.page.url + path);
      expect(answer.status).toBe(path === '/nothing' ? 404 : 200);
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain(`connect-src 'self' http://${world.stack.momentoServer.endpoint};`);
      expect(policy).not.toMatch(/unsafe|\*/);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test('the page asks for nothing from elsewhere', async () => {
    const html = await (await fetch(world.page.url)).text();
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(html).not.toMatch(/<(script|style)(?![^>]*src)[^>]*>[^<]/);
    expect(html).not.toMatch(/ (style|on[a-z]+)=/);
  });
});

describe('the keys', () => {
  test('a rotation is told: two versions, the older replaced, and a sentence', async () => {
    const before = await snapshot();
    const told = ear.entry('rotated');
    const moved = ear.next((news) => {
      const versions = news.kind === 'keys' ? (news.keys[0]?.versions ?? []) : [];
      return versions.at(-1)?.labels.includes('AWSCURRENT') &&
        versions.length > (before.keys[0]?.versions.length ?? 0)
        ? versions
        : undefined;
    });
    expect((await press('rotate-now')).status).toBe(200);
    expect((await told).sentence).toMatch(/^Rotated: /);
    const versions = await moved;
    const [older, newer] = versions.slice(-2);
    expect(older).toMatchObject({ origin: 'imported', currentFromMs: older?.createdAtMs });
    expect(older?.replacedAtMs).toBe(newer?.currentFromMs);
    expect(newer).toMatchObject({ origin: 'rotated', replacedAtMs: null, revokedAtMs: null });
    expect(newer?.currentFromMs).toBeGreaterThanOrEqual(newer?.createdAtMs ?? Number.NaN);
  });

  test('a check says when the key is due: within its life', async () => {
    const checked = ear.entry('check');
    await press('tick');
    await checked;
    const { keys } = await snapshot();
    const current = keys[0]?.versions.find(({ labels }) => labels.includes('AWSCURRENT'));
    expect(current?.dueAtMs).toBeGreaterThan(current?.createdAtMs ?? Number.NaN);
    expect(current?.dueAtMs).toBeLessThan(current?.endsAtMs ?? Number.NaN);
  });

  test('whoever comes later is told all of it', async () => {
    const { entries, keys, logins, nowMs } = await snapshot();
    expect(entries.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['imported', 'rotated']),
    );
    expect(keys.map(({ name }) => name)).toEqual(['default']);
    expect(logins.map(({ id }) => id)).toEqual([
      'tenant-a-data-entry',
      'tenant-b-viewer',
      'short',
      'no-group',
      'strange-tenant',
      'expired',
    ]);
    expect(Math.abs(nowMs - Date.now())).toBeLessThan(60_000);
  });
});

describe('a login and its token', () => {
  test('the scope in words, and as it is in the minted token', async () => {
    const authToken = await tokenFor('tenant-a-data-entry');
    const scope = await read<TokenInWords>(await post('/scope', { authToken }));
    expect(scope).toMatchObject({
      lifetimeSeconds: 900,
      permissions: [
        {
          sentence: 'read keys that begin with “tenant-a:” in cache “calendar-events”',
          target: { kind: 'key', name: 'tenant-a:', isPrefix: true },
        },
        { sentence: 'publish and subscribe to topic “tenant-a-events” in cache “collaboration”' },
      ],
    });
    expect(scope.permissions[0]?.wire).toContain('"key_prefix": "tenant-a:"');
  });

  test.each([
    ['read', 'calendar-events', 'tenant-a:x', true, 0],
    ['read', 'calendar-events', 'tenant-a', false, 0],
    ['read', 'calendar-events', 'tenant-b:x', false, 0],
    ['read', 'elsewhere', 'tenant-a:x', false, 0],
    ['write', 'calendar-events', 'tenant-a:x', false, 0],
    ['publish', 'collaboration', 'tenant-a-events', true, 1],
    ['subscribe', 'collaboration', 'tenant-b-events', false, 1],
  ])(
    'why may it %s %s / %s: %s, by its permission %s',
    async (operation, cache, name, allowed, permission) => {
      const authToken = await tokenFor('tenant-a-data-entry');
      const reason = await read<Reason>(
        await post('/reason', { authToken, operation, cache, name }),
      );
      expect(reason).toMatchObject({ allowed, permission });
      expect(reason.sentence).toMatch(
        allowed ? /^Permission \d: / : /^No permission lets .* The nearest/,
      );
    },
  );

  test('the refusals are the endpoint’s own', async () => {
    const statusFor = async (id: string) =>
      (await post('/token', {}, { authorization: await bearer(id) })).status;
    expect(await statusFor('no-group')).toBe(403);
    expect(await statusFor('strange-tenant')).toBe(403);
    expect(await statusFor('expired')).toBe(401);
    expect((await post('/token', {})).status).toBe(401);
    expect((await post('/login', { id: 'somebody' })).status).toBe(400);
  });

  test('one login for all tabs, until it is asked for anew', async () => {
    const idTokenOf = async (body: unknown) =>
      (await read<LoggedIn>(await post('/login', body))).idToken;
    const first = await idTokenOf({ id: 'tenant-b-viewer' });
    expect(await idTokenOf({ id: 'tenant-b-viewer' })).toBe(first);
    expect(await idTokenOf({ id: 'tenant-b-viewer', refresh: true })).not.toBe(first);
  });

  test('an API key is no business of the page', async () => {
    const { apiKey } = JSON.parse(currentValue());
    expect((await post('/scope', { authToken: apiKey })).status).toBe(400);
    expect((await post('/scope', { authToken: 'nonsense' })).status).toBe(401);
    expect((await post('/scope', {})).status).toBe(400);
  });
});

const currentValue = () =>
  world.stack.secrets.inspect(world.secretArn).find(({ stages }) => stages.includes('AWSCURRENT'))
    ?.secretString ?? '';

describe('faults', () => {
  test('killed half-way: the key stays, a new one is stored; the next tick heals', async () => {
    const before = currentValue();
    await press('kill-next-rotation');
    const killed = ear.entry('failed', /died half-way/);
    const struck = ear.entry('fault', /was killed half-way/);
    await press('rotate-now');
    await struck;
    await killed;
    expect(currentValue()).toBe(before);
    expect((await snapshot()).faults.filter(({ isOver }) => !isOver)).toEqual([]);
    const pending = (await snapshot()).keys[0]?.versions.at(-1);
    expect(pending).toMatchObject({ labels: ['AWSPENDING'], currentFromMs: null });
    const healed = ear.entry('healed');
    await press('tick');
    await healed;
    expect(currentValue()).not.toBe(before);
  });

  test('Momento away: told, and over; the run that met it goes on until it is back', async () => {
    // Nobody has had a token of such a short life yet: there is none to share.
    const authorization = await bearer('short');
    const unanswered = ear.entry('fault', /Momento did not answer GenerateDisposable/);
    const late = ear.entry('fault', /Momento answered RefreshApiToken late/);
    const back = ear.entry('over', /Momento is back/);
    const rotated = ear.entry('rotated');
    const pressedAtMs = Date.now();
    await press('momento-away');
    expect((await snapshot()).faults.at(-1)).toMatchObject({
      fault: 'momento-away',
      isOver: false,
    });
    await press('rotate-now');
    expect((await post('/token', {}, { authorization })).status).toBe(503);
    await unanswered;
    await back;
    expect((await snapshot()).faults.filter(({ isOver }) => !isOver)).toEqual([]);
    expect((await late).atMs).toBeGreaterThanOrEqual(pressedAtMs + OUTAGE_MS - 50);
    // By the very run that met it: after a failure its claim would hold for minutes.
    expect((await rotated).sentence).toMatch(/an operator asked for it/);
  });

  test('no writes: told, and over', async () => {
    const refused = ear.entry('fault', /Secrets Manager refused/);
    const back = ear.entry('over', /takes writes again/);
    // Well or not, as it was quicker than the outage or slower: the next test has a run of its own.
    const ended = Promise.race([ear.entry('rotated'), ear.entry('failed')]);
    await press('writes-refused');
    await press('rotate-now');
    await refused;
    await back;
    await ended;
  });

  test('revoked: a run says so; a new key mends it', async () => {
    await press('revoke-key');
    expect(
      (await snapshot()).keys[0]?.versions.some(({ revokedAtMs }) => revokedAtMs !== null),
    ).toBe(true);
    const failed = ear.entry('failed');
    await press('rotate-now');
    expect((await failed).sentence).toMatch(/key-refused/);
    expect((await snapshot()).keys[0]?.lastResult).toMatchObject({ outcome: 'failed' });
    await press('import-key');
    await tokenFor('tenant-a-data-entry');
  });

  test('a fault or a key that is not there', async () => {
    expect((await post('/faults/nonsense', {})).status).toBe(404);
    expect((await post('/faults/tick', { key: 'nonsense' })).status).toBe(400);
  });
});

test('a run that rotated one key and failed for another: told of both', async () => {
  const { page, secretArn } = world;
  const event = {
    version: '0',
    id: 'an-id',
    'detail-type': 'Momento API Key Rotated',
    source: 'momento.auth',
    account: '123456789012',
    time: '2026-01-01T00:00:00Z',
    region: 'us-east-1',
    resources: [secretArn],
    detail: {},
  } as const;
  const payload = {
    errorType: 'RotationFailed',
    errorMessage: 'arn:aws:secretsmanager:us-east-1:123456789012:secret:another: key-refused: No.',
  };
  const result = { payload, requestId: 'a', durationMs: 1, maxMemoryMb: null, logTail: '' };
  const run = { kind: 'failed', requestId: 'a', result, nextAttemptAtMs: null } as const;
  const rotated = ear.entry('rotated');
  page.hear({ kind: 'event', accepted: { busArn: 'a-bus', event } });
  page.hear({ kind: 'invocation', functionName: 'rotate-key', news: run });
  expect(await rotated).toMatchObject({ key: 'default' });
  expect((await snapshot()).keys[0]?.lastResult).toMatchObject({ outcome: 'rotated' });
});

test('a port that is somebody else’s is no reason not to start', async () => {
  const port = Number(new URL(world.page.url).port);
  const other = await startConsole({
    stack: world.stack,
    faults: new Faults(),
    files: Promise.resolve(new Map()),
    timeScale: 1,
    importKey: () => {},
    port,
  });
  try {
    expect(other.busy).toBe(port);
    expect((await fetch(`${other.url}/news`, { method: 'PUT' })).status).toBe(405);
  } finally {
    await other.close();
  }
});

test('no key and no refresh token in anything that is told', async () => {
  const told = JSON.stringify(await snapshot());
  const secrets = world.stack.secrets.inspect(world.secretArn).flatMap(({ secretString = '' }) => {
    const { apiKey, refreshToken } = JSON.parse(secretString);
    if (apiKey === undefined) return [];
    const inner = JSON.parse(Buffer.from(apiKey, 'base64').toString()).api_key;
    return [apiKey, inner, refreshToken];
  });
  expect(secrets.length).toBeGreaterThan(5);
  for (const secret of secrets) expect(told.includes(secret)).toBe(false);
  expect(told).not.toMatch(/eyJ[A-Za-z0-9_-]{20}/);
});
