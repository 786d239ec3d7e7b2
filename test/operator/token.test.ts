// What a token may do, in words and on the wire; and who is refused, with the reason. No AWS is asked.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { token as messages } from '@gomomento/generated-types/dist/token.js';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { permissionWords } from '../../operator/scope-words.ts';
import { token } from '../../operator/token.ts';
import { PROJECT, rememberingTerminal } from './world.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'momento-auth-operator-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Told {
  readonly code: number;
  readonly out: string;
  readonly problem: string;
}

async function ask(
  as: string[],
  claim: string[] = [],
  { json = false, project = PROJECT }: { json?: boolean; project?: string } = {},
): Promise<Told> {
  const terminal = rememberingTerminal();
  try {
    const code = await token({ as, claim, json }, terminal, project);
    return { code, out: terminal.printed.join('\n'), problem: '' };
  } catch (error) {
    return { code: 1, out: terminal.printed.join('\n'), problem: String(error) };
  }
}

function configured(tokenEndpoint: unknown, policies: unknown): string {
  writeFileSync(join(directory, 'policies.json'), JSON.stringify(policies));
  writeFileSync(
    join(directory, 'cdk.json'),
    JSON.stringify({ context: { momentoAuth: { tokenEndpoint } } }),
  );
  return directory;
}

const ROLE = {
  expiresInMinutes: 15,
  permissions: [{ role: 'readonly', cache: 'orders', item: { keyPrefix: 'a:' } }],
};

test('in words', async () => {
  expect((await ask(['viewer'], ['custom:tenantId=acme'])).out).toBe(
    [
      'viewer: a token for 30 minutes, without a token id. It may',
      '  ✓ read items whose key begins with "acme:" in the cache "calendar-events"',
      '  ✓ subscribe to the topic "acme-events" in the cache "collaboration"',
      '  and nothing else.',
      '',
      'As it travels, /token.Token/GenerateDisposableToken, 83 bytes without the key:',
      '  {"cache_permissions":{"role":2,"cache_selector":{"cache_name":"calendar-events"},"item_selector":{"key_prefix":"acme:"}}}',
      '  {"topic_permissions":{"role":2,"cache_selector":{"cache_name":"collaboration"},"topic_selector":{"topic_name":"acme-events"}}}',
    ].join('\n'),
  );
});

test("on the wire: what Momento's own message types read from the bytes", async () => {
  const { out } = await ask(['data-entry'], ['custom:tenantId=acme', 'sub=u-1'], { json: true });
  const read = JSON.parse(out);
  expect(read).toMatchObject({
    allowed: true,
    roles: ['data-entry'],
    lifeSeconds: 900,
    tokenId: 'u-1',
  });
  expect(Buffer.from(read.wire.hex, 'hex')).toEqual(Buffer.from(read.wire.base64, 'base64'));
  const message = messages._GenerateDisposableTokenRequest.deserialize(
    Buffer.from(read.wire.base64, 'base64'),
  );
  expect(message.expires.valid_for_seconds).toBe(900);
  expect(message.token_id).toBe('u-1');
  expect(message.auth_token).toBe('');
  expect(message.permissions.explicit.permissions).toHaveLength(2);
  // The message types spell out what is not there, and that would read as the super-user.
  expect(Object.keys(read.wire.decoded.permissions)).toEqual(['explicit']);
});

test.each([
  [
    { kind: 'item', role: 'readwrite', cache: { all: true }, target: { all: true } },
    'read and write all items in every cache',
  ],
  [
    { kind: 'item', role: 'writeonly', cache: { name: 'c' }, target: { name: 'k' } },
    'write the item "k" in the cache "c"',
  ],
  [
    { kind: 'topic', role: 'publishonly', cache: { name: 'c' }, target: { prefix: 't:' } },
    'publish to topics whose name begins with "t:" in the cache "c"',
  ],
  [
    { kind: 'function', role: 'invoke', cache: { name: 'c' }, target: { prefix: 'f' } },
    'invoke functions whose name begins with "f" in the cache "c"',
  ],
] as const)('%j', (permission, words) => expect(permissionWords(permission)).toBe(words));

describe('refused', () => {
  test.each<[string, string[], string[], RegExp]>([
    [
      'a claim is missing',
      ['viewer'],
      [],
      /claim-missing-or-not-allowed: the policies need the claim custom:tenantId\./,
    ],
    [
      'a claim reaches into others',
      ['viewer'],
      ['custom:tenantId=a:b'],
      /the value of custom:tenantId may not stand in a name/,
    ],
    [
      'no role',
      ['stranger'],
      ['custom:tenantId=acme'],
      /no-role: none of the groups is a role of the policies, which are data-entry, viewer/,
    ],
    ['his login ends', ['viewer'], ['custom:tenantId=acme', 'exp=1'], /caller-token-ends/],
    [
      'an access token',
      ['viewer'],
      ['custom:tenantId=acme', 'token_use=access'],
      /wrong-token-use: only login tokens with token_use id/,
    ],
    [
      'roles that do not go together',
      ['viewer', 'data-entry'],
      ['custom:tenantId=acme', 'sub=x'],
      /bad-policy \(500\): The roles have different tokenIds/,
    ],
    ['the role as a claim', ['viewer'], ['cognito:groups=viewer'], /holds the roles/],
  ])('%s', async (_name, as, claims, problem) => {
    const told = await ask(as, claims, { json: true });
    expect([told.problem, told.code]).toEqual([expect.stringMatching(problem), 1]);
    if (told.out !== '') expect(JSON.parse(told.out)).toMatchObject({ allowed: false });
  });
});

describe('other ways to log in', () => {
  test('a Lambda authorizer: real lists, and names with blanks', async () => {
    const project = configured(
      {
        policies: 'policies.json',
        auth: { type: 'lambda', functionArn: 'arn:aws:lambda:eu-west-1:123456789012:function:who' },
      },
      { roleClaim: 'roles', roles: { 'a b': ROLE } },
    );
    expect((await ask(['a b'], [], { project })).out).toMatch(/^a b: a token for 15 minutes/);
  });

  test('none: everybody has the one role, and nothing may be said of him', async () => {
    const project = configured(
      {
        policies: 'policies.json',
        auth: { type: 'none', role: 'public', acknowledgePublic: true },
      },
      { roles: { public: ROLE } },
    );
    expect((await ask(['public'], [], { project })).out).toMatch(/^public: a token/);
    expect((await ask([], [], { project })).out).toMatch(/^public: a token/);
    expect((await ask(['other'], [], { project })).problem).toMatch(
      /everybody gets the role public/,
    );
  });

  test('a wrong configuration is said', async () => {
    const project = configured(
      { policies: 'policies.json' },
      { roles: { r: { ...ROLE, expiresInMinutes: 0 } } },
    );
    expect((await ask(['r'], [], { project })).problem).toMatch(/roles\.r\.expiresInMinutes/);
    writeFileSync(
      join(directory, 'cdk.json'),
      JSON.stringify({ context: { momentoAuth: { tokenEndpoint: false } } }),
    );
    expect((await ask(['r'], [], { project })).problem).toMatch(/leaves the token endpoint out/);
  });
});
