// Where the stack is: in an AWS account, or on this machine.

import type { Credentials, LocalPlace } from './local-place.ts';
import { shellWord } from './shell-word.ts';

/** What every AWS client is made with. */
export interface ClientSettings {
  readonly region?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly credentials?: Credentials;
  readonly maxAttempts: number;
  readonly requestHandler: {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly throwOnRequestTimeout: boolean;
  };
}

export interface Place {
  readonly stackName: string;
  readonly client: ClientSettings;
  /** host:port of the plaintext Momento of a local stack. @default Momento itself */
  readonly momentoEndpoint: string | undefined;
  /** Where a local stack's token endpoint listens: its output says where a deployed one would. */
  readonly tokenEndpointUrl: string | undefined;
  /** How much faster than deployed the schedule runs; 1 on AWS. */
  readonly timeScale: number;
  readonly isLocal: boolean;
  /** The options that lead here again, for the next thing to type: ` --local`. Of variables it says nothing. */
  readonly options: string;
}

export interface PlaceOptions {
  readonly stack?: string;
  readonly region?: string;
  readonly profile?: string;
  /** The port of local AWS. */
  readonly local?: string;
}

export const DEFAULT_LOCAL_PORT = 4566;

const PATIENCE = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
} as const;

/** Throws `Problem`. */
export async function findPlace(options: PlaceOptions, projectDirectory: string): Promise<Place> {
  if (options.local !== undefined) {
    const { askLocalStack } = await import('./local-place.ts');
    const local = await askLocalStack(options.local);
    return {
      ...ofLocalStack(local, options),
      client: {
        ...PATIENCE,
        region: local.region,
        credentials: local.credentials,
        endpoint: local.awsEndpoint,
      },
      options:
        optionText('stack', options.stack) +
        (local.port === DEFAULT_LOCAL_PORT ? ' --local' : ` --local=${local.port}`),
    };
  }
  const asAwsCli = {
    client: {
      ...PATIENCE,
      ...(options.region !== undefined && { region: options.region }),
      ...(options.profile !== undefined && { profile: options.profile }),
    },
    options:
      optionText('stack', options.stack) +
      optionText('region', options.region) +
      optionText('profile', options.profile),
  };
  const { AWS_ENDPOINT_URL } = process.env;
  if (AWS_ENDPOINT_URL) {
    // The SDK goes there by itself; the rest of the stack is not on AWS either.
    const { localStackAt } = await import('./local-place.ts');
    const local = await localStackAt(AWS_ENDPOINT_URL);
    if (local !== undefined) return { ...ofLocalStack(local, options), ...asAwsCli };
  }
  const { configuredStackName } = await import('./configured.ts');
  return {
    ...asAwsCli,
    stackName: options.stack ?? configuredStackName(projectDirectory),
    momentoEndpoint: undefined,
    tokenEndpointUrl: undefined,
    timeScale: 1,
    isLocal: false,
  };
}

const ofLocalStack = (local: LocalPlace, { stack }: PlaceOptions) => ({
  stackName: stack ?? local.stackName,
  momentoEndpoint: local.momentoEndpoint,
  tokenEndpointUrl: local.tokenEndpointUrl ?? undefined,
  timeScale: local.timeScale,
  isLocal: true,
});

const optionText = (name: string, value: string | undefined): string =>
  value === undefined ? '' : ` --${name} ${shellWord(value)}`;

/** `npx momento-auth <words>`, leading to the same place. */
export const typed = (words: string, { options }: Pick<Place, 'options'>): string =>
  `npx momento-auth ${words}${options}`;
