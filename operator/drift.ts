// What the deployed functions were told, held against what cdk.json says now. Pure.

import { authRates } from '../lib/auth-rates.ts';
import type { Config } from '../lib/config.ts';
import { readSchedule } from '../lib/schedule.ts';
import type { Deployment } from './deployment.ts';

export interface Deployed {
  readonly outputs: Deployment['outputs'];
  readonly rotateKey: Readonly<Record<string, string>>;
  /** Undefined where there is no token endpoint. */
  readonly vendToken: Readonly<Record<string, string>> | undefined;
  /** How much faster than configured it runs here. */
  readonly timeScale: number;
}

export interface Difference {
  /** As cdk.json has it. */
  readonly setting: string;
  readonly configured: string;
  readonly deployed: string;
}

/** Empty when a deployment would change none of it. */
export function differences(config: Config, deployed: Deployed): readonly Difference[] {
  const { outputs, rotateKey, vendToken, timeScale } = deployed;
  const schedule = readSchedule(config.schedule);
  const endpoint = config.tokenEndpoint;
  const { rotation: authRate } = authRates(config.authRatePerSecond, endpoint !== false);
  const tag = config.discoverKeysByTag;
  const pairs: readonly (readonly [string, string, string])[] = [
    ['keys', suffixesOf(config).join(', '), deployedSuffixes(outputs).join(', ')],
    [
      'schedule (seconds)',
      schedule.ok ? String(schedule.intervalSeconds / timeScale) : config.schedule,
      rotateKey.SCHEDULE_INTERVAL_SECONDS ?? '',
    ],
    ['refreshAtFraction', String(config.refreshAtFraction), rotateKey.REFRESH_AT_FRACTION ?? ''],
    ['authRatePerSecond', String(authRate), rotateKey.AUTH_RATE_PER_SECOND ?? ''],
    [
      'discoverKeysByTag',
      tag === null ? 'none' : `${tag.key}=${tag.value}`,
      rotateKey.DISCOVER_TAG_KEY === undefined
        ? 'none'
        : `${rotateKey.DISCOVER_TAG_KEY}=${rotateKey.DISCOVER_TAG_VALUE ?? ''}`,
    ],
    [
      'tokenEndpoint',
      endpoint === false ? 'none' : 'there',
      vendToken === undefined ? 'none' : 'there',
    ],
    ...(endpoint === false || vendToken === undefined
      ? []
      : ([
          ['tokenEndpoint.auth.type', endpoint.auth.type, vendToken.AUTH_TYPE ?? ''],
          [
            'tokenEndpoint.maxLifeSeconds',
            String(endpoint.maxLifeSeconds),
            vendToken.MAX_LIFE_SECONDS ?? '',
          ],
          [
            'tokenEndpoint.maxPermissions',
            String(endpoint.maxPermissions),
            vendToken.MAX_PERMISSIONS ?? '',
          ],
          [
            'tokenEndpoint.sharing.whileLifeLeft',
            endpoint.sharing === false ? 'none' : String(endpoint.sharing.whileLifeLeft),
            vendToken.SHARE_WHILE_LIFE_LEFT ?? 'none',
          ],
        ] as const)),
  ];
  return pairs
    .filter(([, configured, found]) => configured !== found)
    .map(([setting, configured, found]) => ({ setting, configured, deployed: found }));
}

const suffixesOf = ({ keys }: Config): readonly string[] =>
  keys.map(({ name }) => name.replace(/[^A-Za-z0-9]/g, '')).sort();

const deployedSuffixes = (outputs: Deployment['outputs']): readonly string[] =>
  [...outputs.keys()]
    .filter((name) => name.startsWith('ApiKeySecretArn'))
    .map((name) => name.slice('ApiKeySecretArn'.length) || 'default')
    .sort();
