// The one way to point a function at a Momento that is not Momento: a plaintext one, on this very machine.

import { isIPv4 } from 'node:net';

const PROXY_VARIABLES = ['grpc_proxy', 'http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'];

/**
 * Reads `MOMENTO_LOCAL_ENDPOINT`: where a plaintext Momento listens on this machine. Anything but a
 * loopback host is refused: keys must never cross a network in plain text.
 */
export function localEndpoint(environment: NodeJS.ProcessEnv): string | undefined {
  const given = environment.MOMENTO_LOCAL_ENDPOINT;
  if (given === undefined || given === '') return undefined;
  if (!isLoopback(given)) {
    throw new Error(
      `MOMENTO_LOCAL_ENDPOINT is ${JSON.stringify(given)}: it must be host:port of a loopback host (localhost, 127.0.0.1 or [::1]), because the connection is not encrypted. Unset it to use Momento itself.`,
    );
  }
  const proxy = PROXY_VARIABLES.find((name) => environment[name]);
  if (proxy !== undefined) {
    throw new Error(
      `MOMENTO_LOCAL_ENDPOINT and ${proxy} are both set: keys would cross the network to the proxy in plain text. Unset one of them.`,
    );
  }
  return given;
}

function isLoopback(hostAndPort: string): boolean {
  const [, host = '', port = ''] = /^(localhost|[\d.]+|\[::1\]):(\d{1,5})$/.exec(hostAndPort) ?? [];
  const isNear =
    host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
  return isNear && Number(port) >= 1 && Number(port) <= 65_535;
}
