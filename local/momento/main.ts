// `npm run local:momento`: local Momento alone. The one place of it that owns output and exit codes.

import { randomBytes, randomUUID } from 'node:crypto';
import { UsageError } from '../command-line.ts';
import { listenPreferring } from '../ports.ts';
import { type DownloadedKey, MomentoAccount } from './account.ts';
import { HELP, readOptions } from './options.ts';
import { startMomentoServer } from './server.ts';

process.exitCode = await main().catch(explain);

async function main(): Promise<number> {
  const { help, json, port, keyLifeSeconds, refreshTokens, oldKeys } = readOptions(
    process.argv.slice(2),
  );
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  const interrupted = interruption();
  const account = new MomentoAccount({
    now: Date.now,
    newId: randomUUID,
    signingKey: randomBytes(32),
    refreshTokens,
    oldKeys,
  });
  const { server, busy } = await listenPreferring(port, (wanted) =>
    startMomentoServer({ account, port: wanted }),
  );
  try {
    if (busy !== undefined) {
      const said = `Port ${busy} is somebody else's: local Momento listens at ${server.port} instead.\n`;
      (json ? process.stderr : process.stdout).write(said);
    }
    const { endpoint } = server;
    const { sessionToken } = account;
    const key = account.createKeyInConsole({
      lifetimeSeconds: keyLifeSeconds,
      scope: 'super-user',
    });
    process.stdout.write(
      json
        ? `${JSON.stringify({ endpoint, sessionToken, ...key })}\n`
        : welcome(endpoint, sessionToken, key),
    );
    await interrupted;
    return 0;
  } finally {
    await server.close();
  }
}

function welcome(endpoint: string, sessionToken: string, key: DownloadedKey): string {
  const dies = new Date(key.validUntil * 1000).toISOString();
  return `Local Momento listens at ${endpoint}, for gRPC and for gRPC-web, until Ctrl-C.

Session token (makes any key, never expires)
${sessionToken}

Super-user key, as the console downloads it (lives until ${dies})
${JSON.stringify(key)}

@gomomento/sdk
  CredentialProvider.fromString({ apiKey, endpointOverrides: { secureConnection: false,
    controlEndpoint: '${endpoint}', cacheEndpoint: '${endpoint}', tokenEndpoint: '${endpoint}' } })
@gomomento/sdk-web
  CredentialProvider.fromString({ apiKey, endpointOverrides: {
    controlEndpoint: 'http://${endpoint}', cacheEndpoint: 'http://${endpoint}', tokenEndpoint: 'http://${endpoint}' } })
`;
}

function interruption(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolve);
  });
}

function explain(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(
      `${error.message}\n\nnpm run local:momento -- --help lists the options.\n`,
    );
    return 2;
  }
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}
