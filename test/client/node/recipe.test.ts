// The recipe of docs/applications.md for the `aws` command, run as it stands: the key in every form that is taken,
// and nothing else. Without jq on this machine it is skipped, visibly.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { jwt, v1Key } from '../../lambda/momento-key.ts';

const page = readFileSync('docs/applications.md', 'utf8');
const [, recipe = ''] = /## The `aws` command\n\n```sh\n(.*?)```/s.exec(page) ?? [];

/** `aws` says what it would of a secret with that value, or fails. */
const PRELUDE = `
output() { echo "the ARN"; }
aws() {
  [ "$*" = 'secretsmanager get-secret-value --secret-id the ARN --query SecretString --output text' ] || exit 9
  [ -n "\${SECRET_VALUE+set}" ] || { echo 'AccessDeniedException' >&2; return 254; }
  printf '%s\\n' "$SECRET_VALUE"
}
`;

function run(value: string | undefined, after = 'printenv MOMENTO_API_KEY') {
  return spawnSync('sh', [], {
    input: [PRELUDE, recipe, after].join('\n'),
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...(value !== undefined && { SECRET_VALUE: value }) },
  });
}

const each =
  spawnSync('jq', ['--version']).status === 0
    ? test.each.bind(test)
    : (test.skip.each.bind(test) as typeof test.each);

test('there is a recipe', () => expect(recipe).toMatch(/jq/));

const v1 = v1Key();
const v2 = jwt({ t: 'g', exp: 1_800_000_000 });
const legacy = jwt({ cp: 'control.example', c: 'cache.example' });
const rest = { refreshToken: 'a refresh token', validUntil: 1_900_000_000, endpoint: 'e.example' };

each<[string, string, string]>([
  ["the console's download", JSON.stringify({ apiKey: v1, ...rest }), v1],
  ['the same, indented', JSON.stringify({ ...rest, apiKey: v1 }, null, 2), v1],
  ['with a newline around it', `\n ${JSON.stringify({ apiKey: `${v1}\n` })}\n`, v1],
  ['the older spelling', JSON.stringify({ authToken: v1, ...rest }), v1],
  ['both', JSON.stringify({ authToken: v2, apiKey: v1 }), v1],
  ['an empty new one beside the older one', JSON.stringify({ apiKey: '', authToken: v1 }), v1],
  ['a v2 key', JSON.stringify({ apiKey: v2, endpoint: 'e.example' }), v2],
  ['a bare v1 key', v1, v1],
  ['a bare v2 key', ` ${v2}\n`, v2],
  ['a bare legacy key', legacy, legacy],
])('%s', (_, value, key) => {
  const { status, stdout, stderr } = run(value);
  expect([stderr, stdout, status]).toEqual(['', `${key}\n`, 0]);
});

const NO_KEY: [string, string | undefined][] = [
  ['an empty object', '{}'],
  ['null in it', '{"apiKey": null}'],
  ['another type in it', '{"apiKey": {"a": 1}}'],
  ['broken JSON', '{"apiKey": "canary'],
  ['an array', `["${v1}"]`],
  ['words', 'put the key here, please'],
  ['bytes, of which the command says None', 'None'],
  ['nothing', ''],
  ['a command that fails', undefined],
];

each(NO_KEY)('%s: the script ends, and nothing is exported', (_, value) => {
  const { status, stdout, stderr } = run(value, 'echo went on');
  expect(stdout).toBe('');
  expect(status).not.toBe(0);
  expect(stderr).toMatch(/there is no key in the secret/);
  expect(stderr).not.toMatch(/canary/);
});

each(NO_KEY)('%s: in a shell that goes on, a key of before does not stay', (_, value) => {
  const input = [PRELUDE, recipe, 'echo "left: [$MOMENTO_API_KEY]"', ''].join('\n');
  const { stdout } = spawnSync('bash', ['--norc', '-i'], {
    input,
    encoding: 'utf8',
    env: {
      PATH: process.env.PATH,
      HISTFILE: '/dev/null',
      MOMENTO_API_KEY: 'old',
      ...(value !== undefined && { SECRET_VALUE: value }),
    },
  });
  expect(stdout).toMatch(/^left: \[\]$/m);
});
