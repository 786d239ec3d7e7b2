// Mints one token as the endpoint does: the vending key of the deployed stack, read with the operator's credentials.

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { systemClock as clock } from '../lambda/shared/clock.ts';
import { GrpcUnary } from '../lambda/shared/grpc-unary.ts';
import { tokenAnswer } from '../lambda/vend-token/answer.ts';
import { mint, type TokenCall } from '../lambda/vend-token/mint.ts';
import type { Scope } from '../lambda/vend-token/scope.ts';
import { problemCodeOf } from '../lambda/vend-token/vend.ts';
import { SecretVendingKey } from '../lambda/vend-token/vending-key.ts';
import { configuredKeyNames } from './configured.ts';
import { findDeployment, findVendingSecret, namesOf, secretName } from './deployment.ts';
import { explain, named } from './explain.ts';
import { findPlace, type Place, type PlaceOptions, typed } from './place.ts';
import { Problem } from './problem.ts';
import type { Terminal } from './terminal.ts';

/** The body of the endpoint's 200. A credential: print it, and keep it nowhere. Throws `Problem`. */
export async function mintToken(
  scope: Scope,
  lifeSeconds: number,
  options: PlaceOptions,
  terminal: Terminal,
  projectDirectory: string,
): Promise<string> {
  const place = await findPlace(options, projectDirectory);
  const { secretArn, name } = await terminal
    .progress('Looking for the stack', async () => {
      const deployment = await findDeployment(place);
      const secretArn = await findVendingSecret(deployment, place);
      const names = namesOf(deployment.outputs, configuredKeyNames(projectDirectory));
      return { secretArn, name: names.get(secretArn ?? '') };
    })
    .catch((error: unknown) => {
      throw explain(error, place);
    });
  if (secretArn === undefined) {
    throw new Problem(`The stack ${place.stackName} is deployed without a token endpoint.`, {
      next: 'npx cdk deploy',
    });
  }
  const client = new SecretsManagerClient(place.client);
  const keys = new SecretVendingKey(
    (SecretId) => client.send(new GetSecretValueCommand({ SecretId })),
    secretArn,
    terminal.redactor,
    clock,
  );
  const call: TokenCall = (tokenEndpoint, path, request, timeoutMs) => {
    const { momentoEndpoint } = place;
    const origin =
      momentoEndpoint === undefined ? `https://${tokenEndpoint}` : `http://${momentoEndpoint}`;
    return new GrpcUnary({ origin }).call(path, request, timeoutMs);
  };
  try {
    const { token } = await terminal.progress('Asking Momento for the token', () =>
      mint(scope, lifeSeconds, { keys, call, clock }),
    );
    return tokenAnswer(token, scope.tokenId, clock.now()).body;
  } catch (error) {
    throw notMinted(error, name ?? secretName(secretArn), place);
  }
}

/** @param name of the vending key */
function notMinted(error: unknown, name: string, place: Place): Problem {
  const importing = typed(`import momento_key.json --key ${name}`, place);
  const code = problemCodeOf(error);
  const next = {
    forbidden: undefined,
    'rate-limited': 'Try again in a second.',
    'no-key': importing,
    'upstream-unavailable': typed('doctor', place),
    'upstream-timeout': 'Try again.',
    'upstream-key-refused': `${importing}    # a super-user key`,
    'bad-policy': 'Mend the policies.',
  }[code];
  return new Problem(`${code}: ${named(error).message}`, { next, cause: error });
}
