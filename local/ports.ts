// A port of one's choice, or the next best: a busy port is no reason not to start.

export interface Listening<Server> {
  readonly server: Server;
  /** The port that was wanted and is somebody else's. */
  readonly busy: number | undefined;
}

/** @param listen starts a server; rejects with EADDRINUSE (or EACCES) when it cannot have the port */
export async function listenPreferring<Server>(
  port: number,
  listen: (port: number) => Promise<Server>,
): Promise<Listening<Server>> {
  try {
    return { server: await listen(port), busy: undefined };
  } catch (error) {
    if (port === 0 || !isTaken(error)) throw error;
    return { server: await listen(0), busy: port };
  }
}

const isTaken = (error: unknown): boolean =>
  typeof error === 'object' &&
  error !== null &&
  'code' in error &&
  ['EADDRINUSE', 'EACCES'].includes(`${error.code}`);
