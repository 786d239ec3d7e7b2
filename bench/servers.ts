// The stand-in servers that every contender talks to: the local stack's AWS and Momento, both behind TLS.

import { randomUUID } from 'node:crypto';
import { token } from '@gomomento/generated-types/dist/token.js';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { environmentVariables } from '../local/lambda/environment-variables.ts';
import { afterRealTime } from '../local/momento/after.ts';
import { tokenService } from '../local/momento/auth-services.ts';
import { serveCalls } from '../local/momento/calls.ts';
import { addMethods } from '../local/momento/grpc.ts';
import { startLocalStack } from '../local/stack.ts';
import { selfSignedCertificate } from './certificate.ts';
import { systemTimeMs } from './system-time.ts';
import { startTlsFront } from './tls-front.ts';

/** The base endpoint of the vending key; `token.` and a port make it the token service's. */
const CELL = 'cell.momento.test';
const AWS_HOST = 'aws.test';
const DAY_SECONDS = 86_400;
/** More than any contender makes: the account's rate is in no figure. */
const UNLIMITED = 1_000_000;

/** What a contender's process is told, as JSON. */
export interface Servers {
  readonly certPem: string;
  readonly awsUrl: { readonly tls: string; readonly plaintext: string };
  readonly tokenOrigin: string;
  /** The bare call's request: a gRPC frame, base64. */
  readonly tokenFrame: string;
  readonly functions: readonly ServedFunction[];
}

export interface ServedFunction {
  readonly name: 'vend-token' | 'rotate-key';
  readonly codeDir: string;
  /** As the template has it, with the role's credentials. */
  readonly environment: Readonly<Record<string, string>>;
}

/** What happened at the servers, by the system's clock. */
export interface ServerEvent {
  readonly atMs: number;
  readonly what: 'AWS connected' | 'Momento answered' | `${string}:${string} answered`;
}

export interface RunningServers {
  readonly described: Servers;
  /** Since the last time it was called. */
  takeEvents(): ServerEvent[];
  close(): Promise<void>;
}

export async function startServers(assemblyDirectory: string): Promise<RunningServers> {
  let events: ServerEvent[] = [];
  const tell = (what: ServerEvent['what']) => {
    events.push({ atMs: systemTimeMs(), what });
  };
  const certificate = selfSignedCertificate([AWS_HOST, `*.${CELL}`], Date.now());
  const stack = await startLocalStack({
    assemblyDirectory,
    authOperationsPerSecond: UNLIMITED,
    onNews: (news) => {
      if (news.kind === 'aws-call') tell(`${news.call.action} answered` as ServerEvent['what']);
    },
  });
  const aws = await startTlsFront(stack.aws.port, certificate, () => tell('AWS connected'));
  const { methods, stop } = serveCalls({ onCall: () => tell('Momento answered') }, afterRealTime);
  const momento = new Server();
  addMethods(momento, tokenService(stack.momento, methods));
  const momentoPort = await new Promise<number>((resolve, reject) => {
    const credentials = ServerCredentials.createSsl(null, [
      {
        cert_chain: Buffer.from(certificate.certPem),
        private_key: Buffer.from(certificate.keyPem),
      },
    ]);
    momento.bindAsync('127.0.0.1:0', credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  stack.momento.servedAt(`${CELL}:${momentoPort}`);
  const key = stack.momento.createKeyInConsole({
    lifetimeSeconds: 30 * DAY_SECONDS,
    scope: 'super-user',
  });
  stack.secrets.putSecretValue({
    SecretId: stack.output('ApiKeySecretArn'),
    SecretString: JSON.stringify(key),
    ClientRequestToken: randomUUID(),
  });

  const served = (name: ServedFunction['name'], output: string): ServedFunction[] => {
    const handle = stack.functions.find(
      ({ definition }) => definition.name === stack.output(output),
    );
    const codeDir = handle?.definition.codeDir;
    if (handle === undefined || typeof codeDir !== 'string') return [];
    const { definition, credentials } = handle;
    const environment = environmentVariables({
      definition,
      region: 'us-east-1',
      credentials,
      extraEnvironment: {},
    });
    return [{ name, codeDir, environment }];
  };

  return {
    described: {
      certPem: certificate.certPem,
      awsUrl: { tls: `https://${AWS_HOST}:${aws.port}`, plaintext: stack.aws.url },
      tokenOrigin: `https://token.${CELL}:${momentoPort}`,
      tokenFrame: bareFrame(key.apiKey),
      functions: [
        ...served('vend-token', 'VendTokenFunctionName'),
        ...served('rotate-key', 'RotateKeyFunctionName'),
      ],
    },
    takeEvents: () => {
      const taken = events;
      events = [];
      return taken;
    },
    close: async () => {
      stop();
      momento.forceShutdown();
      await aws.close();
      await stack.close();
    },
  };
}

/** The same scope as that of the role `viewer`, for the bare call. */
function bareFrame(apiKey: string): string {
  const { api_key: wireKey } = JSON.parse(Buffer.from(apiKey, 'base64').toString());
  const message = token._GenerateDisposableTokenRequest.fromObject({
    auth_token: wireKey,
    expires: { valid_for_seconds: 1_800 },
    permissions: {
      explicit: {
        permissions: [
          {
            cache_permissions: {
              role: 2,
              cache_selector: { cache_name: 'calendar-events' },
              item_selector: { key_prefix: Buffer.from('acme:') },
            },
          },
          {
            topic_permissions: {
              role: 2,
              cache_selector: { cache_name: 'collaboration' },
              topic_selector: { topic_name: 'acme-events' },
            },
          },
        ],
      },
    },
  });
  const body = message.serializeBinary();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]).toString('base64');
}
