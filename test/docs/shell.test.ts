// What the pages tell people to type: every block is shell, and every `aws` command is one that the real CLI
// sends. Where that is not installed as a Python package, the second half is skipped, visibly.
import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import * as v from 'valibot';
import { closeServer, listenOnLoopback } from '../../local/ports.ts';
import { blocksOf, pages } from './markdown.ts';

const blocks = pages.flatMap((page) => blocksOf(page, 'sh'));

/** As `<ID token>`. */
const PLACEHOLDER = /<[A-Za-z][A-Za-z ]*>/g;

const directory = mkdtempSync(join(tmpdir(), 'momento-auth-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('there are blocks to look at', () => expect(blocks.length).toBeGreaterThan(50));

test.each(blocks.map((block) => [block.page, block.line, block] as const))(
  '%s:%d is shell',
  (_page, _line, { text }) => {
    const input = text.replace(PLACEHOLDER, 'PUT_IN');
    const { status, stderr } = spawnSync('bash', ['-n'], { input, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
  },
);

test('blocks are to be pasted: only the runbook has something to put in', () => {
  const withPlaceholder = blocks.filter(({ text }) => text.search(PLACEHOLDER) >= 0);
  expect([...new Set(withPlaceholder.map(({ page }) => page))].sort()).toEqual(['docs/runbook.md']);
});

test('blocks that are run as they stand have no comments: an interactive zsh takes them for words', () => {
  const own = /^docs\/(deploy|upgrade|adopt|regions|destroy|cost|security)\.md$/;
  const commented = blocks.filter(({ page, text }) => own.test(page) && /(^|\s)#/m.test(text));
  expect(commented.map(({ page, line }) => `${page}:${line}`)).toEqual([]);
});

/**
 * Nothing happens but that the words of each `aws` command are written down. Variables have whatever an
 * earlier block, or a person, has set.
 */
const PRELUDE = `
for name in npm npx git curl rm sleep openssl; do eval "$name() { :; }"; done
aws() { printf '%s\\0' "$@" $'\\n' >> argv; echo aws:stand:in:for:an:answer-0123456789; }
SECRET=arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf POOL=us-east-1_AbCdEfGhI
CLIENT=client ROTATE=rotate FN=rotate VEND=vend RULE=rule Q=https://sqs.us-east-1.amazonaws.com/123456789012/queue
KMS_KEY=key REPLICA=$SECRET REPLICA_REGION=eu-central-1 ID_TOKEN=a.b.c LOGIN=ada PASSWORD=Correct-Horse-9
STACK=MomentoAuth ARN=$SECRET ROLE=role
output() { echo "output-of-$1"; }
config() { echo "config-of-$1"; }
errors() { :; }
tick() { :; }
`;

/** Every `aws` command that the blocks of all pages come to, once. */
function commands(): readonly (readonly string[])[] {
  for (const name of ['argv', ...FILES]) writeFileSync(join(directory, name), '');
  for (const { text } of blocks) {
    if (!/\baws [a-z]/.test(text)) continue;
    // What a block only defines is typed by others, for whom the prelude stands in.
    const defined = [...text.matchAll(/^(\w+)\(\) \{/gm)].map(
      ([, name]) => `${name} rotate Handler`,
    );
    const typed = text.replace(PLACEHOLDER, 'put:in:0123456789');
    const input = [PRELUDE, typed, ...defined].join('\n');
    spawnSync('bash', [], { input, cwd: directory });
  }
  for (const name of FILES) writeFileSync(join(directory, name), '{"USERNAME":"ada"}');
  const argv = readFileSync(join(directory, 'argv'), 'utf8').split('\0\n\0').filter(Boolean);
  return [...new Set(argv)].map((words) =>
    words.split('\0').map((word) => word.replace('file:///dev/stdin', 'file://stdin.json')),
  );
}

const FILES = [
  'stdin.json',
  'momento_key.json',
  'key.json',
  'now.json',
  'tick.json',
  'dry-run.json',
  'operator-policy.json',
];

const REFUSED_XML =
  '<ErrorResponse><Error><Code>Refused</Code><Message>refused here</Message></Error></ErrorResponse>';

/** All in one process, because the CLI takes a second to start. */
const PYTHON = `
import contextlib, io, json, sys
from awscli.clidriver import create_clidriver
answers = []
driver = create_clidriver()
for words in json.load(sys.stdin):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            # One that was told a --region remembers it.
            (create_clidriver() if "--region" in words else driver).main(words + ["--endpoint-url", sys.argv[1]])
        except SystemExit:
            pass
    answers.append([" ".join(words), said.getvalue()])
json.dump(answers, sys.stdout)
`;
const hasCli = spawnSync('python3', ['-c', 'import awscli.clidriver']).status === 0;

(hasCli ? test : test.skip)(
  'the real aws CLI accepts every aws command of the pages, and sends it',
  async () => {
    const typed = commands();
    expect(typed.length).toBeGreaterThan(40);
    // One that must not pass, so that all others passing means something.
    const wrong = ['secretsmanager', 'get-secret-value', '--secret', '--no-such-option'];
    const server = createServer((request, response) => {
      request.resume();
      request.on('end', () => {
        const isForm = /form/.test(String(request.headers['content-type']));
        response.writeHead(400);
        response.end(isForm ? REFUSED_XML : '{"__type":"Refused","message":"refused here"}');
      });
    });
    const port = await listenOnLoopback(server, 0);
    try {
      const answers = await sayToCli([...typed, wrong], `http://127.0.0.1:${port}`);
      const accepted = ([, said = '']: readonly string[]) => said.includes('when calling the ');
      expect(answers.filter((answer) => !accepted(answer)).slice(0, -1)).toEqual([]);
      expect(accepted(answers.at(-1) ?? [])).toBe(false);
    } finally {
      await closeServer(server);
    }
  },
  60_000,
);

function sayToCli(argv: readonly (readonly string[])[], endpoint: string) {
  return new Promise<readonly (readonly string[])[]>((resolve, reject) => {
    const child = execFile(
      'python3',
      ['-c', PYTHON, endpoint],
      {
        cwd: directory,
        maxBuffer: 10_000_000,
        env: {
          PATH: process.env.PATH,
          HOME: directory,
          // Nothing gets past this machine, whatever a command makes of its endpoint.
          HTTPS_PROXY: 'http://127.0.0.1:9',
          HTTP_PROXY: 'http://127.0.0.1:9',
          NO_PROXY: '127.0.0.1',
          AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
          AWS_SECRET_ACCESS_KEY: 'secret',
          AWS_DEFAULT_REGION: 'us-east-1',
          AWS_REGION: 'us-east-1',
          AWS_MAX_ATTEMPTS: '1',
          AWS_EC2_METADATA_DISABLED: 'true',
          AWS_PAGER: '',
        },
      },
      (error, out, err) => {
        if (error) reject(new Error(err, { cause: error }));
        else resolve(v.parse(v.array(v.array(v.string())), JSON.parse(out)));
      },
    );
    child.stdin?.end(JSON.stringify(argv));
  });
}
