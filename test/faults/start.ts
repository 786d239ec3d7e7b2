// How the labels stand before the first tick: made by hand, from the very ids and values that runs leave behind.

import { renderClaim } from '../../lambda/rotate-key/claim-value.ts';
import { claimVersionId, pairVersionId } from '../../lambda/shared/version-id.ts';
import type { SecretsManager } from '../../local/aws/secrets-manager.ts';
import type { MomentoAccount } from '../../local/momento/account.ts';
import type { Credentials, Ledger } from './ledger.ts';
import { LIFE_SECONDS, type PersonAct, type Schedule, type Start } from './schedule.ts';

/** Where a schedule is played: in memory, or against servers. */
export interface Stage {
  readonly arn: string;
  readonly secrets: SecretsManager;
  readonly momento: MomentoAccount;
  /** Of each key that a person makes. @default 30 days */
  readonly lifeSeconds?: number | undefined;
  nowMs(): number;
  wait(ms: number): void;
}

export function prepare(
  stage: Stage,
  { start, ageSeconds }: Pick<Schedule, 'start' | 'ageSeconds'>,
  ledger: Ledger,
): void {
  importKey(stage, ledger);
  stage.wait(ageSeconds * 1000);
  PREPARATIONS[start](stage, ledger);
}

const MINUTE_MS = 60_000;

const PREPARATIONS: Readonly<Record<Start, (stage: Stage, ledger: Ledger) => void>> = {
  'current-only': () => {},
  'pending-good': (stage, ledger) => {
    leaveClaim(stage, -1);
    stageGoodPair(stage, ledger);
  },
  'pending-superseded': (stage, ledger) => {
    leaveClaim(stage, -1);
    stageGoodPair(stage, ledger);
    importKey(stage, ledger);
  },
  'pending-on-current': (stage, ledger) => {
    leaveClaim(stage, -1);
    const promoted = stageGoodPair(stage, ledger);
    stage.secrets.updateSecretVersionStage({
      SecretId: stage.arn,
      VersionStage: 'AWSCURRENT',
      RemoveFromVersionId: currentVersionId(stage),
      MoveToVersionId: promoted,
    });
  },
  'pending-empty': (stage) => {
    stage.secrets.stageWithoutValue(stage.arn, 'an-empty-version-that-is-pending');
  },
  'pending-dead': (stage, ledger) => {
    leaveClaim(stage, -1);
    stageDeadPair(stage, ledger);
  },
  'live-claim': (stage) => leaveClaim(stage, MINUTE_MS),
  'lapsed-claim': (stage) => leaveClaim(stage, -1),
  'ended-claim': (stage) => {
    const claim = leaveClaim(stage, MINUTE_MS);
    stage.secrets.updateSecretVersionStage({
      SecretId: stage.arn,
      VersionStage: 'MOMENTO_ENDED',
      MoveToVersionId: claim,
    });
  },
  'foreign-claim': (stage, ledger) => {
    leaveClaim(stage, -1);
    importKey(stage, ledger);
  },
  'foreign-live-claim': (stage, ledger) => {
    leaveClaim(stage, MINUTE_MS);
    importKey(stage, ledger);
  },
  'stray-refusal': (stage) => {
    stage.secrets.updateSecretVersionStage({
      SecretId: stage.arn,
      VersionStage: 'MOMENTO_REFUSED_1',
      MoveToVersionId: currentVersionId(stage),
    });
  },
  'every-stray': (stage, ledger) => {
    leaveClaim(stage, MINUTE_MS);
    const staged = stageDeadPair(stage, ledger);
    stage.secrets.updateSecretVersionStage({
      SecretId: stage.arn,
      VersionStage: 'MOMENTO_REFUSED_1',
      MoveToVersionId: staged,
    });
    importKey(stage, ledger);
  },
};

/** A person makes a key in the console and imports it. */
export function importKey(stage: Stage, ledger: Ledger): void {
  const key = newKey(stage);
  put(stage, JSON.stringify(key), personsVersionId(stage));
  ledger.know(credentialsOf(key));
}

const newKey = ({ momento, lifeSeconds = LIFE_SECONDS }: Stage) =>
  momento.createKeyInConsole({ lifetimeSeconds: lifeSeconds, scope: 'super-user' });

export const credentialsOf = ({
  apiKey,
  refreshToken,
}: Omit<Credentials, 'wireKey'>): Credentials => ({
  apiKey,
  refreshToken,
  wireKey: wireKeyOf(apiKey),
});

/** A person makes a key in the console, imports it, and revokes the one before. */
function replaceKey(stage: Stage, ledger: Ledger): void {
  const { apiKey } = currentValue(stage);
  importKey(stage, ledger);
  stage.momento.revoke(apiKey);
}

/** A person changes a field that is not the rotation's. */
function editValue(stage: Stage): void {
  const { note, ...value } = currentValue(stage);
  const text = JSON.stringify({ ...value, note: typeof note === 'number' ? note + 1 : 1 });
  put(stage, text, personsVersionId(stage));
}

/** What a person does with the secret. */
export const PERSONS: Readonly<Record<PersonAct, (stage: Stage, ledger: Ledger) => void>> = {
  import: importKey,
  replace: replaceKey,
  edit: editValue,
};

/** The same wherever the schedule is played: the ids of later versions come from it. */
const personsVersionId = ({ secrets, arn }: Stage): string =>
  `a-person-has-put-this-version-${String(secrets.inspect(arn).length).padStart(4, '0')}`;

function put(stage: Stage, text: string, versionId: string, label?: string): string {
  stage.secrets.putSecretValue({
    SecretId: stage.arn,
    SecretString: text,
    ClientRequestToken: versionId,
    ...(label !== undefined && { VersionStages: [label] }),
  });
  return versionId;
}

interface Value {
  readonly apiKey: string;
  readonly refreshToken: string;
  readonly note?: unknown;
}

const currentValue = ({ secrets, arn }: Stage): Value =>
  JSON.parse(secrets.getSecretValue({ SecretId: arn }).SecretString ?? '{}');

const currentVersionId = ({ secrets, arn }: Stage): string =>
  secrets.inspect(arn).find(({ stages }) => stages.includes('AWSCURRENT'))?.versionId ?? '';

const wireKeyOf = (apiKey: string): string =>
  JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8')).api_key;

const descent = (stage: Stage) => ({
  arn: stage.arn,
  currentVersionId: currentVersionId(stage),
});

/** What a run has stored when it dies right after staging: Momento's new pair, under the id of attempt 0. */
function stageGoodPair(stage: Stage, ledger: Ledger): string {
  const { apiKey, refreshToken } = currentValue(stage);
  const parent = wireKeyOf(apiKey);
  const issued = stage.momento.refreshApiToken({ apiKey: parent, refreshToken });
  const { endpoint, apiKey: wireKey } = issued;
  const fresh = Buffer.from(JSON.stringify({ endpoint, api_key: wireKey })).toString('base64');
  ledger.issue({
    apiKey: fresh,
    wireKey,
    refreshToken: issued.refreshToken,
    parent,
    issuedAtMs: stage.nowMs(),
    caller: undefined,
    answerComes: true,
  });
  const text = JSON.stringify({ ...issued, apiKey: fresh });
  return put(stage, text, pairVersionId(descent(stage), 0), 'AWSPENDING');
}

function stageDeadPair(stage: Stage, ledger: Ledger): string {
  const key = newKey(stage);
  stage.momento.revoke(key.apiKey);
  ledger.know(credentialsOf(key), wireKeyOf(currentValue(stage).apiKey));
  return put(stage, JSON.stringify(key), pairVersionId(descent(stage), 0), 'AWSPENDING');
}

function leaveClaim(stage: Stage, endsInMs: number): string {
  const endsAtMs = stage.nowMs() + endsInMs;
  const claim = { claimant: 'an-earlier-run', runEndsAtMs: endsAtMs, lapsesAtMs: endsAtMs };
  return put(stage, renderClaim(claim), claimVersionId(descent(stage), 0), 'MOMENTO_CLAIM');
}
