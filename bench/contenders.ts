// Who is measured, and what each process is given.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loginEvent } from './login-event.ts';
import type { Servers } from './servers.ts';

type Environment = Readonly<Record<string, string>>;

export interface Contender {
  readonly name: ContenderName;
  /** Absolute path of the handler: `.cjs` and `.js` are required, `.mjs` imported. */
  readonly file: string;
  /** All of it: nothing of this process's own. */
  readonly environment: Environment;
  /** What it is called with at a cold start. */
  readonly event: () => unknown;
}

export const CONTENDERS = {
  empty: 'an empty handler',
  'bare-rpc': 'one bare HTTP/2 call for a token',
  'grpc-call': "that call by gRPC's own client",
  'secret-and-rpc': "the secret's read and that call, bare",
  baseline: 'baseline: both SDKs, plainly used',
  'vend-token': 'vend-token, a new token',
  'vend-token-found': 'vend-token, a shared token from the table',
  'vend-token-unshared': 'vend-token with `sharing: false`',
  'rotate-key': 'rotate-key, nothing is due',
} as const;

export type ContenderName = keyof typeof CONTENDERS;

export interface ContenderOptions {
  readonly servers: Servers;
  readonly baselineFile: string;
  /** Where the stand-ins' certificate is. */
  readonly certificateFile: string;
  /** How AWS is spoken to. To Momento it is TLS always. */
  readonly aws: keyof Servers['awsUrl'];
}

export type Contenders = ReadonlyMap<ContenderName, Contender>;

/** Those that there can be: without a table nothing is shared. */
export function contenders(options: ContenderOptions): Contenders {
  const { servers, baselineFile, certificateFile, aws } = options;
  const alike = {
    NODE_EXTRA_CA_CERTS: certificateFile,
    AWS_ENDPOINT_URL: servers.awsUrl[aws],
    // It is about this machine's Node.js, and each process would print it.
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
  const served = (name: 'vend-token' | 'rotate-key') => {
    const found = servers.functions.find((one) => one.name === name);
    if (found === undefined) throw new Error(`The template has no function ${name}.`);
    const { codeDir, environment } = found;
    const everything: Environment = { ...environment, ...alike };
    return { file: join(codeDir, 'index.mjs'), environment: everything };
  };
  const vendToken = served('vend-token');
  // The same role and the same secret, without what our own function alone asks for.
  const { SHARING_TABLE, SHARE_WHILE_LIFE_LEFT, ...unshared } = vendToken.environment;
  const bare = {
    ...unshared,
    BENCH_TOKEN_ORIGIN: servers.tokenOrigin,
    BENCH_TOKEN_FRAME: servers.tokenFrame,
  };
  const newTenant = () => login(`tenant-${randomUUID()}`);
  const oneTenant = () => login('tenant');
  const tick = () => ({ source: 'aws.events', 'detail-type': 'Scheduled Event' });
  const all: Contender[] = [
    { name: 'empty', file: floor('empty'), environment: bare, event: newTenant },
    { name: 'bare-rpc', file: floor('bare-rpc'), environment: bare, event: newTenant },
    { name: 'grpc-call', file: floor('grpc-call'), environment: bare, event: newTenant },
    { name: 'secret-and-rpc', file: floor('secret-and-rpc'), environment: bare, event: newTenant },
    { name: 'baseline', file: baselineFile, environment: unshared, event: newTenant },
    { name: 'vend-token', ...vendToken, event: newTenant },
    ...(SHARING_TABLE === undefined
      ? []
      : [
          { name: 'vend-token-found' as const, ...vendToken, event: oneTenant },
          {
            name: 'vend-token-unshared' as const,
            ...vendToken,
            environment: unshared,
            event: newTenant,
          },
        ]),
    { name: 'rotate-key', ...served('rotate-key'), event: tick },
  ];
  return new Map(all.map((one) => [one.name, one]));
}

const login = (tenant: string): unknown =>
  loginEvent({ user: randomUUID(), tenant, role: 'viewer' }, Date.now());

const floor = (name: string): string =>
  fileURLToPath(new URL(`./floors/${name}.cjs`, import.meta.url));
