// The stack as it is deployed: its outputs, and what its functions were told.

import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { readSettings, type Settings } from '../lambda/rotate-key/settings.ts';
import { systemClock } from '../lambda/shared/clock.ts';
import { SecretsManagerVersions } from '../lambda/shared/secret-versions.ts';
import { configuredKeyNames } from './configured.ts';
import { named } from './explain.ts';
import type { Place } from './place.ts';
import { typed } from './place.ts';
import { Problem, wrongUsage } from './problem.ts';

export interface Deployment {
  readonly stackName: string;
  readonly stackArn: string;
  readonly status: string;
  readonly region: string;
  readonly accountId: string;
  /** By their keys. */
  readonly outputs: ReadonlyMap<string, string>;
}

/** A key of the stack. */
export interface Key {
  /** As in cdk.json, as far as outputs tell it; of one that was found by its tag, its secret's name. */
  readonly name: string;
  readonly secretArn: string;
  readonly source: 'configured' | 'tag';
  /** Tokens are made with it. */
  readonly isVending: boolean;
}

export interface DeployedFunction {
  readonly name: string;
  readonly arn: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly state: string;
  readonly lastUpdateStatus: string;
  readonly lastUpdateReason: string | undefined;
}

const SECRET_OUTPUT = 'ApiKeySecretArn';

/** Throws `Problem`, or AWS's own errors. */
export async function findDeployment(place: Place): Promise<Deployment> {
  const { CloudFormationClient, DescribeStacksCommand } = await import(
    '@aws-sdk/client-cloudformation'
  );
  const client = new CloudFormationClient(place.client);
  const { Stacks: [stack] = [] } = await client
    .send(new DescribeStacksCommand({ StackName: place.stackName }))
    .catch(async (cause: unknown) => {
      if (!/does not exist/.test(named(cause).message)) throw cause;
      const region = await client.config.region();
      throw new Problem(`There is no stack called ${place.stackName} in ${region}.`, {
        next: 'npx cdk deploy, or name another one with --stack, --region or --profile',
        cause,
      });
    });
  const stackArn = stack?.StackId ?? '';
  const [, , , region = '', accountId = ''] = stackArn.split(':');
  return {
    stackName: stack?.StackName ?? place.stackName,
    stackArn,
    status: stack?.StackStatus ?? 'UNKNOWN',
    region,
    accountId,
    outputs: new Map(
      (stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [
        OutputKey,
        OutputValue,
      ]),
    ),
  };
}

/** Throws `Problem` for an output that every deployment has. */
export function outputOf({ outputs, stackName }: Deployment, name: string): string {
  const value = outputs.get(name);
  if (value !== undefined) return value;
  throw new Problem(
    `The stack ${stackName} has no output ${name}: it is another stack, or half deployed.`,
    {
      next: 'npx cdk deploy, or name the right one with --stack',
    },
  );
}

/** Throws AWS's own errors. */
export async function findFunction(name: string, place: Place): Promise<DeployedFunction> {
  const { GetFunctionConfigurationCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const answer = await new LambdaClient(place.client).send(
    new GetFunctionConfigurationCommand({ FunctionName: name }),
  );
  return {
    name,
    arn: answer.FunctionArn ?? '',
    environment: answer.Environment?.Variables ?? {},
    state: answer.State ?? 'Active',
    lastUpdateStatus: answer.LastUpdateStatus ?? 'Successful',
    lastUpdateReason: answer.LastUpdateStatusReason,
  };
}

export interface Rotation {
  readonly function: DeployedFunction;
  /** As the function reads them. */
  readonly settings: Settings;
}

/** Throws `Problem`, or AWS's own errors. */
export async function findRotation(deployment: Deployment, place: Place): Promise<Rotation> {
  const found = await findFunction(outputOf(deployment, 'RotateKeyFunctionName'), place);
  try {
    return { function: found, settings: readSettings(found.environment) };
  } catch (cause) {
    throw new Problem(`The function ${found.name} cannot work: ${named(cause).message}`, {
      next: 'npx cdk deploy --revert-drift',
      cause,
    });
  }
}

/** ARN of the secret of the key that tokens are made with; undefined where there is no token endpoint. */
export async function findVendingSecret(
  { outputs }: Deployment,
  place: Place,
): Promise<string | undefined> {
  const name = outputs.get('VendTokenFunctionName');
  if (name === undefined) return undefined;
  return (await findFunction(name, place)).environment.VENDING_SECRET_ARN;
}

export interface WholeStack {
  readonly place: Place;
  readonly deployment: Deployment;
  readonly rotation: Rotation;
  readonly keys: readonly Key[];
  readonly secretsManager: SecretsManagerClient;
  readonly versions: SecretsManagerVersions;
}

/** What every verb that looks at keys begins with. Throws `Problem`, or AWS's own errors. */
export async function findStack(place: Place, projectDirectory: string): Promise<WholeStack> {
  const [deployment, { SecretsManagerClient }] = await Promise.all([
    findDeployment(place),
    import('@aws-sdk/client-secrets-manager'),
  ]);
  const secretsManager = new SecretsManagerClient(place.client);
  const versions = new SecretsManagerVersions(secretsManager, systemClock);
  const [rotation, vendingSecret] = await Promise.all([
    findRotation(deployment, place),
    findVendingSecret(deployment, place),
  ]);
  const { secretIds, discoverTag } = rotation.settings;
  const tagged = discoverTag === undefined ? [] : await versions.listTagged(discoverTag);
  const names = namesOf(deployment.outputs, configuredKeyNames(projectDirectory));
  const keys = [...new Set([...secretIds, ...tagged])].map(
    (secretArn): Key => ({
      name: names.get(secretArn) ?? secretName(secretArn),
      secretArn,
      source: secretIds.includes(secretArn) ? 'configured' : 'tag',
      isVending: secretArn === vendingSecret,
    }),
  );
  return { place, deployment, rotation, keys, secretsManager, versions };
}

/** Outputs carry names without their signs; cdk.json, where it agrees, has them whole. */
export function namesOf(
  outputs: ReadonlyMap<string, string>,
  configured: readonly string[],
): ReadonlyMap<string, string> {
  return new Map(
    [...outputs]
      .filter(([key]) => key.startsWith(SECRET_OUTPUT))
      .map(([key, secretArn]) => {
        const suffix = key.slice(SECRET_OUTPUT.length) || 'default';
        return [secretArn, configured.find((name) => stripped(name) === suffix) ?? suffix];
      }),
  );
}

const stripped = (name: string): string => name.replace(/[^A-Za-z0-9]/g, '');

/** Without the six characters that Secrets Manager puts behind it. */
export const secretName = (secretArn: string): string =>
  secretArn
    .split(':')
    .slice(6)
    .join(':')
    .replace(/-[A-Za-z0-9]{6}$/, '');

/** By its name or its secret's. Without a name: the only key. Throws `Problem`. */
export function chooseKey(
  keys: readonly Key[],
  name: string | undefined,
  verb: string,
  place: Place,
): Key {
  if (name === undefined) {
    const [only, ...others] = keys;
    if (only !== undefined && others.length === 0) return only;
    throw wrongUsage(
      `There are ${keys.length} keys: ${keys.map((key) => key.name).join(', ')}.`,
      typed(`${verb} --key ${keys[0]?.name ?? 'NAME'}`, place),
    );
  }
  const found =
    keys.find((key) => [key.name, key.secretArn, secretName(key.secretArn)].includes(name)) ??
    // Outputs carry names without their signs.
    keys.find((key) => key.source === 'configured' && stripped(key.name) === stripped(name));
  if (found !== undefined) return found;
  throw wrongUsage(
    `No key is called ${JSON.stringify(name)}; there ${keys.length === 1 ? 'is' : 'are'}: ${keys.map((key) => key.name).join(', ')}.`,
    typed(`${verb} --key ${keys[0]?.name ?? 'NAME'}`, place),
  );
}
