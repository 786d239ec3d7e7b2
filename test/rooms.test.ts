// The rooms of docs/architecture.md as rules: who may import from whom. The message names what to do instead.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOMS = ['bin', 'lib', 'lambda', 'local', 'operator', 'bench', 'client'];

interface Import {
  readonly file: string;
  readonly target: string;
}

const files = ROOMS.flatMap((room) =>
  readdirSync(room, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => join(room, name).split(sep).join('/'))
    // What is built from the sources, and installed.
    .filter((path) => !/^client\/(dist|node_modules)\//.test(path)),
);

const imports: Import[] = files.flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(
    ([, path = '']) => ({
      file,
      target: normalize(join(dirname(file), path))
        .split(sep)
        .join('/'),
    }),
  ),
);

/** `lambda/rotate-key/…` → `lambda/rotate-key`; `local/stack.ts` → `local`. */
const roomOf = (path: string): string => {
  const [top = '', sub = ''] = path.split('/');
  const hasRooms = top === 'lambda' || top === 'local' || top === 'client';
  return hasRooms && !sub.includes('.') ? `${top}/${sub}` : top;
};

/** Besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  bench: ['local', 'local/assembly', 'local/lambda', 'local/momento'],
  client: [],
  'client/browser': [],
  // Of the browser's room only what knows neither browser nor Node.
  'client/node': ['lambda/shared', 'client/browser/splice.ts', 'client/browser/told.ts'],
  bin: ['lib', 'operator'],
  lib: ['lambda/shared'],
  operator: ['lib', 'lambda/shared', 'lambda/rotate-key', 'lambda/vend-token'],
  'lambda/shared': [],
  'lambda/rotate-key': ['lambda/shared'],
  'lambda/vend-token': ['lambda/shared'],
  local: [
    'local/assembly',
    'local/aws',
    'local/console',
    'local/lambda',
    'local/gateway',
    'local/identity',
    'local/momento',
    'local/scenario',
    'local/terminal',
  ],
  'local/assembly': [],
  'local/aws': ['local'],
  'local/momento': ['local'],
  'local/console': [
    'local',
    'local/aws',
    'local/identity',
    'local/momento',
    'local/terminal',
    'client/browser',
  ],
  'local/lambda': ['local/assembly'],
  'local/gateway': ['local', 'local/assembly', 'local/aws'],
  'local/identity': ['local'],
  'local/scenario': ['local', 'local/aws', 'local/terminal'],
  'local/terminal': ['local'],
};

test('there are files and imports to look at', () => {
  expect(files.length).toBeGreaterThan(50);
  expect(imports.length).toBeGreaterThan(100);
});

test.each([...new Set(files.map(roomOf))])('%s is a room that this test knows', (room) => {
  expect(Object.keys(MAY_IMPORT)).toContain(room);
});

describe.each(Object.entries(MAY_IMPORT))('%s', (room, others) => {
  test(`imports only from itself${others.map((other) => `, ${other}`).join('')}`, () => {
    const strangers = imports
      .filter(({ file }) => roomOf(file) === room)
      .filter(({ target }) => ![room, ...others].includes(roomOf(target)))
      .filter(({ target }) => !others.includes(target))
      .map(({ file, target }) => `${file} → ${target}: pass it in instead`);
    expect(strangers).toEqual([]);
  });
});

test('production code never asks whether it runs locally', () => {
  const asking = files
    .filter((file) => /^(lambda|lib|bin)\//.test(file))
    .filter((file) => /AWS_ENDPOINT|localhost|127\.0\.0\.1/.test(readFileSync(file, 'utf8')));
  expect(asking).toEqual([
    // The one place that refuses a plaintext Momento anywhere but on a loopback host.
    'lambda/shared/local-endpoint.ts',
    // Reads the endpoints' variables as the SDKs do.
    'lambda/vend-token/aws-json.ts',
  ]);
});

test('no file is named after nothing in particular', () => {
  expect(
    files.filter((file) =>
      /(util|helper|manager|common|misc)s?\b/i.test(file.replace('secrets-manager', '')),
    ),
  ).toEqual([]);
});

test('the CDK is imported as aws-cdk-lib/core: all of it, by name, is the indexes of 350 services', () => {
  const careless = files.filter((file) => /from 'aws-cdk-lib'/.test(readFileSync(file, 'utf8')));
  expect(careless).toEqual([]);
});
