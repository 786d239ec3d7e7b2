// What an event of EventBridge says of a secret.

/** The version that became current, if it says so; undefined when it is about something else. */
export function rotationOf(
  event: unknown,
  secretId: string,
): { readonly versionId: string | undefined } | undefined {
  if (fieldOf(event, 'source') !== 'momento.auth') return undefined;
  if (fieldOf(event, 'detail-type') !== 'Momento API Key Rotated') return undefined;
  const detail = fieldOf(event, 'detail');
  const secretArn = fieldOf(detail, 'secretArn');
  if (typeof secretArn !== 'string' || !isNameOf(secretId, secretArn)) return undefined;
  const versionId = fieldOf(detail, 'versionId');
  return { versionId: typeof versionId === 'string' ? versionId : undefined };
}

/** Of a hyphen and six characters, which AWS adds to a secret's name. */
const SUFFIX_LENGTH = 7;

/** By name, by ARN with or without its suffix, and by the ARN of a replica. */
function isNameOf(secretId: string, secretArn: string): boolean {
  const asked = nameIn(secretId);
  const name = nameIn(secretArn);
  return asked === name || asked === name.slice(0, -SUFFIX_LENGTH);
}

const nameIn = (secretId: string): string =>
  secretId.startsWith('arn:') ? secretId.split(':').slice(6).join(':') : secretId;

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined;
