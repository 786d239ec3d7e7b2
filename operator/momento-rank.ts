// What Momento makes of a key: whether it is alive, and whether it is a super-user key. One call tells both:
// ListCaches is allowed to super-users alone. (The rotation's own question takes either answer for life.)

import { control_client as control } from '@gomomento/generated-types/dist/controlclient.js';
import {
  credentials,
  logVerbosity,
  Metadata,
  type ServiceError,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';

export type Rank = 'super-user' | 'narrow' | 'refused';

export interface Asked {
  /** The JWT that travels. */
  readonly wireKey: string;
  /** host[:port] of the control plane. */
  readonly controlEndpoint: string;
  /** host:port of a plaintext Momento on this machine. */
  readonly localEndpoint: string | undefined;
  readonly timeoutMs: number;
}

// It writes to the console, past our redaction.
setLogVerbosity(logVerbosity.NONE);

/** Throws a `ServiceError` when Momento gives no answer that decides it. */
export async function rankOf({
  wireKey,
  controlEndpoint,
  localEndpoint,
  timeoutMs,
}: Asked): Promise<Rank> {
  const client = new control.ScsControlClient(
    localEndpoint ?? controlEndpoint,
    localEndpoint === undefined ? credentials.createSsl() : credentials.createInsecure(),
    // A proxy would get the key in plain text, and does not know this machine.
    localEndpoint === undefined ? {} : { 'grpc.enable_http_proxy': 0 },
  );
  const metadata = new Metadata();
  metadata.set('authorization', wireKey);
  try {
    return await new Promise<Rank>((resolve, reject) => {
      const request = new control._ListCachesRequest({});
      const deadline = Date.now() + timeoutMs;
      client.ListCaches(request, metadata, { deadline }, (error: ServiceError | null) => {
        if (error === null) resolve('super-user');
        else if (error.code === status.PERMISSION_DENIED) resolve('narrow');
        else if (error.code === status.UNAUTHENTICATED) resolve('refused');
        else reject(error);
      });
    });
  } finally {
    client.close();
  }
}
