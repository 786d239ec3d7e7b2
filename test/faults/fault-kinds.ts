// What each kind of fault is at each call, in the words of the service that is called.

import { AwsError } from '../../local/aws/aws-error.ts';
import { MomentoRefusal } from '../../local/momento/refusal.ts';
import type { Fault } from '../lambda/rotate-key/world.ts';
import type { CallName, FaultKind, ScheduledFault } from './schedule.ts';

type Service = 'secrets-manager' | 'event-bus' | 'momento';

export const serviceOf = (call: string): Service => {
  if (call === 'PutEvents') return 'event-bus';
  return call === 'RefreshApiKey' || call === 'ListCaches' ? 'momento' : 'secrets-manager';
};

/** The kinds that this call can meet, each once. */
export function kindsAt(call: string): readonly FaultKind[] {
  const everywhere: readonly FaultKind[] = [
    'error',
    'lose-answer',
    'late-effect',
    'late-answer',
    'silence',
    'kill',
    'kill-after',
  ];
  switch (serviceOf(call)) {
    case 'momento':
      return [...everywhere, 'unauthenticated', 'rate-limited'];
    case 'event-bus':
      return [...everywhere, 'throttle', 'access-denied'];
    case 'secrets-manager':
      return [
        ...everywhere,
        'throttle',
        'access-denied',
        ...(usesKms(call) ? (['kms-failure'] as const) : []),
        ...(isRead(call) ? (['stale-read'] as const) : []),
      ];
  }
}

/** Labels and versions are seen a moment after they were written: Secrets Manager does not say how long that is. */
const isRead = (call: string): boolean =>
  ['DescribeSecret', 'GetSecretValue', 'ListSecretVersionIds'].includes(call);
const STALE_MS = 2_000;

const usesKms = (call: string): boolean => call === 'GetSecretValue' || call === 'PutSecretValue';

/**
 * A schedule may not know which call will be the nth: what the call cannot meet is a plain error there, and a stale
 * read nothing at all.
 */
export function kindAt(call: string, { kind }: ScheduledFault): FaultKind | undefined {
  if (kind === 'stale-read' && !isRead(call)) return undefined;
  if (serviceOf(call) === 'momento' && kind === 'throttle') return 'rate-limited';
  if (serviceOf(call) === 'momento' && kind === 'access-denied') return 'unauthenticated';
  return kindsAt(call).includes(kind) ? kind : 'error';
}

/** Longer than the deadline of the call, and shorter than the life of the function. */
const LATE_MS: Readonly<Record<Service, number>> = {
  'secrets-manager': 6_000,
  'event-bus': 5_000,
  momento: 20_000,
};

/** `input`: the request, which some errors quote, with all the secrets in it: what is said of them must be clean. */
export function faultAt(
  call: CallName | string,
  kind: Exclude<FaultKind, 'stale-read'>,
  lateMs?: number,
  input?: unknown,
): Fault {
  const quoted = input === undefined ? '' : ` (request: ${quotationOf(input)})`;
  const service = serviceOf(call);
  const late = lateMs ?? LATE_MS[service];
  switch (kind) {
    case 'error':
      return new Error(`connect ENETUNREACH${quoted}`);
    case 'late-effect':
      return { takesMs: late };
    case 'late-answer':
      return { answersAfterMs: late };
    case 'throttle':
      return service === 'event-bus'
        ? 'refuse-entries'
        : new AwsError('ThrottlingException', 'Rate exceeded');
    case 'access-denied':
      return new AwsError(
        'AccessDeniedException',
        `User: arn:aws:sts::123456789012:assumed-role/RotateKey/run is not authorized to perform: ${service === 'event-bus' ? 'events' : 'secretsmanager'}:${call} because no identity-based policy allows the action`,
      );
    case 'kms-failure':
      return call === 'PutSecretValue'
        ? new AwsError(
            'EncryptionFailure',
            `Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.${quoted}`,
          )
        : new AwsError(
            'DecryptionFailure',
            "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
          );
    case 'unauthenticated':
      return new MomentoRefusal('UNAUTHENTICATED', `Invalid credential${quoted}`);
    case 'rate-limited':
      return new MomentoRefusal('RESOURCE_EXHAUSTED', 'Too many auth operations in one second');
    default:
      return kind;
  }
}

export const staleMs = ({ lateMs = STALE_MS }: Pick<ScheduledFault, 'lateMs'>): number => lateMs;

/** As text, and for a call to Momento with what it takes from the key. */
function quotationOf(input: unknown): string {
  if (typeof input !== 'object' || input === null) return String(input);
  if (!('refreshToken' in input)) return JSON.stringify(input);
  const { apiKey, refreshToken, key } = input as unknown as {
    readonly apiKey: string;
    readonly refreshToken: string;
    readonly key: { readonly wireKey: string };
  };
  return `authorization: ${key.wireKey}; refresh_token=${encodeURIComponent(refreshToken)}; key ${apiKey}`;
}
