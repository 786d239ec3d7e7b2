// The token endpoint on this machine: the template's HTTP API, and a login whose tokens it accepts.

import type { Assembly } from './assembly/assembly.ts';
import type { DemonstrationPolicies } from './demonstration-policies.ts';
import { type GatewayCall, startGateway } from './gateway/gateway.ts';
import { demonstrationUsers } from './identity/demonstration-users.ts';
import { type Identity, startIdentity } from './identity/identity.ts';
import type { InvocationResult } from './lambda/function.ts';
import { listenPreferring } from './ports.ts';

export interface TokenEndpoint {
  /** Where to POST: `http://127.0.0.1:PORT/token`. */
  readonly url: string;
  /** Undefined where the template does not ask for a JWT. */
  readonly identity: Identity | undefined;
  /** The port that was wanted and is somebody else's. */
  readonly busy: number | undefined;
  close(): Promise<void>;
}

export interface TokenEndpointOptions {
  readonly port: number;
  readonly invoke: (functionArn: string, event: unknown) => Promise<InvocationResult>;
  readonly onCall: (call: GatewayCall) => void;
  /** Epoch milliseconds, of the gateway and of the logins. @default Date.now */
  readonly now?: () => number;
  /** The roles of the policies, and the claim that names them. @default none */
  readonly policies?: DemonstrationPolicies | undefined;
}

/** Undefined when the template has no HTTP API. */
export async function startTokenEndpoint(
  { httpApis, userPools, deployment, permissions, outputs }: Assembly,
  { port, invoke, onCall, policies, now = Date.now }: TokenEndpointOptions,
): Promise<TokenEndpoint | undefined> {
  const [api] = httpApis;
  if (api === undefined) return undefined;
  const authorizer = api.routes[0]?.authorizer;
  const pool = userPools[0];
  const identity =
    authorizer?.kind === 'jwt'
      ? await startIdentity({
          issuer: authorizer.issuer,
          audience: authorizer.audience[0] ?? '',
          now,
          ...(policies !== undefined && { groupsClaim: policies.roleClaim }),
          users: demonstrationUsers({
            roles: pool?.groups.length ? pool.groups : (policies?.roles ?? []),
            ...(pool !== undefined && { tenantClaims: pool.customAttributes }),
          }),
        })
      : undefined;
  try {
    const { server: gateway, busy } = await listenPreferring(port, (chosen) =>
      startGateway({
        api,
        deployment,
        permissions,
        invoke,
        onCall,
        now,
        port: chosen,
        ...(identity !== undefined &&
          authorizer?.kind === 'jwt' && {
            issuerBaseUrls: { [authorizer.issuer]: identity.baseUrl },
          }),
      }),
    );
    const deployed = outputs.find(({ name }) => name === 'TokenEndpointUrl')?.value ?? '';
    const local = gateway.localUrl(deployed);
    return {
      // A domain of one's own leads nowhere here.
      url: local === deployed ? `${gateway.url}/token` : local,
      identity,
      busy,
      close: async () => {
        await gateway.close();
        await identity?.close();
      },
    };
  } catch (error) {
    await identity?.close();
    throw error;
  }
}
