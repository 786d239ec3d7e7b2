// Whether the person at the keyboard may put a key in, found without changing anything: what is written here is refused
// by Secrets Manager whatever the secret's state, and only somebody who may write gets to see that refusal.

import { randomUUID } from 'node:crypto';
import { SecretFailure, type SecretVersions } from '../lambda/shared/secret-versions.ts';
import { AWSCURRENT } from '../lambda/shared/version-id.ts';
import { explain, named, type Whereabouts } from './explain.ts';
import { type Finding, note, well } from './finding.ts';
import type { KeyState } from './key-state.ts';

export const PERMISSIONS = 'docs/operator.md#permissions';

const OF_THE_PERSON: readonly SecretFailure['code'][] = [
  'access-denied',
  'kms-unusable',
  'secrets-manager-unavailable',
];

/** Nobody carries it. */
const LABEL = 'MOMENTO_DOCTOR';

/** Empty for a secret without a value: nothing in it could be refused. Never throws. */
export async function mayImportFindings(
  { name, secretArn, labels }: Pick<KeyState, 'name' | 'secretArn' | 'labels'>,
  versions: Pick<SecretVersions, 'create' | 'moveLabel'>,
  place: Whereabouts,
): Promise<readonly Finding[]> {
  const versionId = labels.find(({ label }) => label === AWSCURRENT)?.versionId;
  if (versionId === undefined) return [];
  const tries = [
    // A version's value never changes: another one under its id is refused.
    refusal(() =>
      versions.create(secretArn, versionId, JSON.stringify({ doctor: randomUUID() }), LABEL),
    ),
    // What nobody carries cannot be taken off.
    refusal(() => versions.moveLabel(secretArn, LABEL, { from: versionId })),
  ];
  const found = (await Promise.all(tries)).flatMap((error) =>
    error === undefined ? [] : [importFinding(name, error, place)],
  );
  return found.length === 0 ? [well(`${name}: you may import a key into it.`)] : found;
}

/** Worth knowing, and no more: who only looks need not be allowed to write. Pure. */
export function importFinding(name: string, error: unknown, place: Whereabouts): Finding {
  if (error instanceof SecretFailure && error.code === 'kms-unusable') {
    return note(
      `${name}: you may not import a key into it: that takes kms:Decrypt and kms:GenerateDataKey on its KMS key, and the key enabled.`,
      PERMISSIONS,
    );
  }
  const said = error instanceof SecretFailure ? named(error.cause).message : '';
  const [, action] = /not authorized to perform: ([A-Za-z]+:[A-Za-z]+)/.exec(said) ?? [];
  return action === undefined
    ? note(
        `${name}: whether you may import a key could not be seen: ${explain(error, place).message}`,
        PERMISSIONS,
      )
    : note(`${name}: you may not import a key into it: that takes ${action}.`, PERMISSIONS);
}

/** Undefined when it was refused for what it asks, and not because of who asks. */
async function refusal(write: () => Promise<void>): Promise<unknown> {
  try {
    await write();
  } catch (error) {
    const isOfThePerson = !(error instanceof SecretFailure) || OF_THE_PERSON.includes(error.code);
    return isOfThePerson ? error : undefined;
  }
  return new Error('Secrets Manager took what it should have refused.');
}
