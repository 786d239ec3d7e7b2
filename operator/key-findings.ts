// What `doctor` finds of one key: what status would say of it, its replicas, what the function may do with it, and what
// Momento makes of it.

import { DescribeSecretCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { instant } from '../lambda/rotate-key/wording.ts';
import { credentialsIn, parseSecretValue } from '../lambda/shared/secret-value.ts';
import type { Key } from './deployment.ts';
import { explain, named } from './explain.ts';
import { type Finding, note, well, wrong } from './finding.ts';
import {
  importing as importingInto,
  type KeyState,
  lookAtKey,
  shortLife,
  wrongEndSentence,
} from './key-state.ts';
import { mayImportFindings } from './may-import.ts';
import type { Patient } from './patient.ts';
import { type Place, typed } from './place.ts';
import { isWell, nextAfter, runOn } from './rotate.ts';

/** Never throws. */
export async function keyFindings(key: Key, patient: Patient): Promise<readonly Finding[]> {
  const { rotation, versions, terminal, place, now, secretsManager } = patient;
  const { redactor } = terminal;
  const state = await lookAtKey(key, { versions, redactor, place, pace: rotation.settings, now });
  return [
    ...stateFindings(state, patient),
    ...(await replicaFindings(key, secretsManager)),
    ...(await dryRunFindings(state, patient)),
    ...(await rankFindings(state, patient)),
    ...(await mayImportFindings(state, versions, place)),
  ];
}

function stateFindings(state: KeyState, { rotation, place }: Patient): readonly Finding[] {
  const { name, message, validUntil, dueAtMs, labels } = state;
  const findings: Finding[] = [];
  if (state.needsPerson)
    findings.push(
      wrong(
        `${name}: ${message}`,
        [state.remedy ?? 'docs/reasons.md', state.section].filter(Boolean).join('    # '),
      ),
    );
  else if (state.next === 'not-due' && validUntil && dueAtMs !== undefined) {
    findings.push(
      well(`${name}: ends at ${instant(validUntil * 1000)}, renewed from ${instant(dueAtMs)} on.`),
    );
  } else findings.push(well(`${name}: ${message}`));
  const tooShort = shortLife(state, rotation.settings);
  if (tooShort !== undefined)
    findings.push(note(`${name}: ${tooShort}`, importingInto(state, place)));
  if (state.wrongEnd !== undefined && !state.needsPerson)
    findings.push(
      note(`${name}: ${wrongEndSentence(state.wrongEnd)}`, importingInto(state, place)),
    );
  for (const { label, meaning } of labels) {
    if (meaning !== undefined)
      findings.push(note(`${name}: the label ${label}: ${meaning}.`, LABELS_SECTION));
  }
  return findings;
}

const LABELS_SECTION = 'docs/runbook.md#how-much-time-is-left';

type Replica = Readonly<Partial<Record<'Region' | 'Status' | 'StatusMessage', string | undefined>>>;

/** Pure. */
export const replicaFinding = (
  { name, secretArn }: Pick<Key, 'name' | 'secretArn'>,
  { Region = '', Status = '', StatusMessage = '' }: Replica,
): Finding =>
  Status === 'Failed'
    ? wrong(
        `${name}: its replica in ${Region} has not got the key: ${StatusMessage}`,
        `aws secretsmanager replicate-secret-to-regions --force-overwrite-replica-secret --secret-id ${secretArn} --add-replica-regions Region=${Region}`,
      )
    : well(`${name}: its replica in ${Region} is ${Status}.`);

async function replicaFindings(
  key: Key,
  client: SecretsManagerClient,
): Promise<readonly Finding[]> {
  try {
    const { ReplicationStatus = [] } = await client.send(
      new DescribeSecretCommand({ SecretId: key.secretArn }),
    );
    return ReplicationStatus.map((replica) => replicaFinding(key, replica));
  } catch {
    // That it cannot be described has been said.
    return [];
  }
}

/** In the function's own role: what no other proof can show. */
async function dryRunFindings(state: KeyState, patient: Patient): Promise<readonly Finding[]> {
  if (state.next === 'no-value') return [];
  try {
    const result = await runOn(state, true, patient);
    if (isWell(result, true)) {
      return [well(`${state.name}: the function may read and write it, and Momento accepts it.`)];
    }
    // Said already, in other words.
    if (result.reason === state.next) return [];
    return [
      wrong(
        `${state.name}: a rotation would fail: ${result.reason}: ${result.message}`,
        nextAfter(result.reason, state, patient.place),
      ),
    ];
  } catch (error) {
    const { message, next } = explain(error, patient.place);
    return [
      wrong(
        `${state.name}: the dry run failed: ${message}`,
        next ?? typed('rotate --dry-run', patient.place),
      ),
    ];
  }
}

const MOMENTO_TIMEOUT_MS = 10_000;

/** What Momento says of the key to this machine. */
async function rankFindings(
  state: KeyState,
  { versions, place, terminal }: Patient,
): Promise<readonly Finding[]> {
  const { name, secretArn, isVending, labels } = state;
  const current = labels.find(({ label }) => label === 'AWSCURRENT');
  if (current === undefined) return [];
  try {
    const { text } = await versions.read(secretArn, current.versionId);
    terminal.redactor.learn(...credentialsIn(text));
    const content = parseSecretValue(text);
    const key =
      content.kind === 'unparsable'
        ? undefined
        : content.kind === 'pair'
          ? content.pair.key
          : content.key;
    const controlEndpoint = key?.controlEndpoint;
    if (key === undefined || controlEndpoint === undefined) return [];
    const { rankOf } = await import('./momento-rank.ts');
    const rank = await rankOf({
      wireKey: key.wireKey,
      controlEndpoint,
      localEndpoint: place.momentoEndpoint,
      timeoutMs: MOMENTO_TIMEOUT_MS,
    });
    return [rankFinding(rank, name, isVending, place)];
  } catch (error) {
    return [
      note(
        `${name}: Momento could not be asked from this machine: ${named(error).message}`,
        'Look at the network of this machine. What the function finds stands above.',
      ),
    ];
  }
}

export function rankFinding(
  rank: 'super-user' | 'narrow' | 'refused',
  name: string,
  isVending: boolean,
  place: Pick<Place, 'options'>,
): Finding {
  const importing = importingInto({ name }, place);
  if (rank === 'refused') return wrong(`${name}: Momento does not accept the key.`, importing);
  if (isVending && rank === 'narrow') {
    return wrong(
      `${name}: it is no super-user key, so the token endpoint can make no tokens with it.`,
      importing,
    );
  }
  if (!isVending && rank === 'super-user') {
    return note(
      `${name}: it is a super-user key, which can do everything in your Momento account. Applications do better with a narrow one.`,
      importing,
    );
  }
  return well(
    `${name}: Momento takes it for a ${rank === 'narrow' ? 'narrow' : 'super-user'} key${isVending ? ', and tokens are made with it' : ''}.`,
  );
}
