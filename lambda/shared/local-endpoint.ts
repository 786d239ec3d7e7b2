// The one way to point a function at a Momento that is not Momento: a plaintext one, on this very machine.

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\]):\d{1,5}$/;

/**
 * Reads `MOMENTO_LOCAL_ENDPOINT`: where a plaintext Momento listens on this machine. Anything but a
 * loopback host is refused: keys must never cross a network in plain text.
 */
export function localEndpoint(environment: NodeJS.ProcessEnv): string | undefined {
  const given = environment.MOMENTO_LOCAL_ENDPOINT;
  if (given === undefined || given === '') return undefined;
  if (!LOOPBACK.test(given)) {
    throw new Error(
      `MOMENTO_LOCAL_ENDPOINT is ${JSON.stringify(given)}: it must be host:port of a loopback host (localhost, 127.0.0.1 or [::1]), because the connection is not encrypted. Unset it to use Momento itself.`,
    );
  }
  return given;
}
