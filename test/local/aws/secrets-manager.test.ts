import { describe, expect, test } from '@jest/globals';
import { DAY_MS, errorOf, HOUR_MS, labelsOf, makeSecrets, token } from './builders.ts';

/** A secret `key` with one version per given name, each put as the current one. */
function withVersions(...names: string[]) {
  const made = makeSecrets();
  made.secrets.createSecret({ Name: 'key' });
  for (const name of names) {
    made.clock.advance(HOUR_MS);
    made.secrets.putSecretValue({
      SecretId: 'key',
      SecretString: `value of ${name}`,
      ClientRequestToken: token(name),
    });
  }
  const put = (name: string, stages?: string[], value = `value of ${name}`) =>
    made.secrets.putSecretValue({
      SecretId: 'key',
      SecretString: value,
      ClientRequestToken: token(name),
      ...(stages === undefined ? {} : { VersionStages: stages }),
    });
  const move = (stage: string, to?: string, from?: string) =>
    made.secrets.updateSecretVersionStage({
      SecretId: 'key',
      VersionStage: stage,
      ...(to === undefined ? {} : { MoveToVersionId: token(to) }),
      ...(from === undefined ? {} : { RemoveFromVersionId: token(from) }),
    });
  const labels = () => labelsOf(made.secrets, 'key', ['v1', 'v2', 'v3', 'v4', 'claim']);
  return { ...made, put, move, labels };
}

describe('GetSecretValue', () => {
  test.each([
    [{}, 'v2'],
    [{ VersionStage: 'AWSPREVIOUS' }, 'v1'],
    [{ VersionId: token('v1') }, 'v1'],
    [{ VersionId: token('v1'), VersionStage: 'AWSPREVIOUS' }, 'v1'],
  ])('%j reads %s', (selector, name) => {
    const { secrets } = withVersions('v1', 'v2');
    const read = secrets.getSecretValue({ SecretId: 'key', ...selector });
    expect(read.SecretString).toBe(`value of ${name}`);
    expect(read.VersionId).toBe(token(name));
  });

  test.each([
    [
      { VersionStage: 'AWSPENDING' },
      'ResourceNotFoundException',
      "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
    ],
    [
      { VersionId: token('v9') },
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for VersionId: ${token('v9')}`,
    ],
    [
      { VersionId: token('v1'), VersionStage: 'AWSCURRENT' },
      'InvalidRequestException',
      'You provided a VersionStage that is not associated to the provided VersionId.',
    ],
  ])('%j is refused', (selector, name, message) => {
    const { secrets } = withVersions('v1', 'v2');
    expect(errorOf(() => secrets.getSecretValue({ SecretId: 'key', ...selector }))).toEqual({
      name,
      message,
    });
  });

  test('a secret that never had a value', () => {
    const { secrets } = withVersions();
    expect(errorOf(() => secrets.getSecretValue({ SecretId: 'key' }))).toEqual({
      name: 'ResourceNotFoundException',
      message:
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
    });
  });

  test('the date is the version’s, not the secret’s; the access is dated to the day', () => {
    const { secrets, clock } = withVersions('v1');
    const createdMs = clock.nowMs;
    clock.advance(5 * HOUR_MS);
    const read = secrets.getSecretValue({ SecretId: 'key' });
    expect(read.CreatedDate).toEqual(new Date(createdMs));
    const described = secrets.describeSecret({ SecretId: 'key' });
    expect(described.CreatedDate).toEqual(new Date(createdMs - HOUR_MS));
    expect(described.LastChangedDate).toEqual(new Date(createdMs));
    expect(described.LastAccessedDate).toEqual(new Date('2026-01-15T00:00:00Z'));
  });
});

describe('names and ARNs', () => {
  test('a name, the full ARN and the ARN without its ending all find the secret', () => {
    const { secrets } = makeSecrets();
    const { ARN = '' } = secrets.createSecret({ Name: 'a/b', SecretString: 'x' });
    for (const SecretId of ['a/b', ARN, ARN.slice(0, -7)]) {
      expect(secrets.getSecretValue({ SecretId }).ARN).toBe(ARN);
    }
    for (const SecretId of ['a', ARN.slice(0, -6), ARN.slice(0, -1), `${ARN}x`]) {
      expect(errorOf(() => secrets.getSecretValue({ SecretId })).name).toBe(
        'ResourceNotFoundException',
      );
    }
  });

  test('a name that looks like another’s ARN ending does not confuse the two', () => {
    const { secrets } = makeSecrets();
    const short = secrets.createSecret({ Name: 'key', SecretString: 'short' });
    const suffix = short.ARN?.slice(-7);
    const long = secrets.createSecret({ Name: `key${suffix}`, SecretString: 'long' });
    expect(secrets.getSecretValue({ SecretId: short.ARN }).SecretString).toBe('short');
    expect(secrets.getSecretValue({ SecretId: long.ARN }).SecretString).toBe('long');
  });

  test('an adopted secret keeps its ARN', () => {
    const { secrets } = makeSecrets();
    const arn = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:old-AbCdEf';
    secrets.createSecret({ Name: 'old', SecretString: 'x' }, undefined, { arn });
    expect(secrets.getSecretValue({ SecretId: arn }).Name).toBe('old');
  });

  test.each([
    ['a', undefined],
    ['x'.repeat(512), undefined],
    ['Valid/_+=.@-Name', undefined],
    ['', 'ValidationException'],
    ['x'.repeat(513), 'ValidationException'],
    ['with space', 'ValidationException'],
  ])('CreateSecret %#', (Name, error) => {
    const { secrets } = makeSecrets();
    const create = () => secrets.createSecret({ Name });
    if (error === undefined) expect(create().Name).toBe(Name);
    else expect(errorOf(create).name).toBe(error);
  });
});

describe('PutSecretValue', () => {
  test('without labels, the current moves and the previous follows', () => {
    expect(withVersions('v1').labels()).toEqual({ v1: 'AWSCURRENT' });
    expect(withVersions('v1', 'v2').labels()).toEqual({ v1: 'AWSPREVIOUS', v2: 'AWSCURRENT' });
    expect(withVersions('v1', 'v2', 'v3').labels()).toEqual({
      v1: '',
      v2: 'AWSPREVIOUS',
      v3: 'AWSCURRENT',
    });
  });

  test('listed labels are taken from whoever has them, and leave the current alone', () => {
    const { put, labels } = withVersions('v1');
    expect(put('v2', ['AWSPENDING', 'X']).VersionStages).toEqual(['AWSPENDING', 'X']);
    put('v3', ['AWSPENDING']);
    expect(labels()).toEqual({ v1: 'AWSCURRENT', v2: 'X', v3: 'AWSPENDING' });
  });

  test('AWSCURRENT among the listed labels moves the previous too', () => {
    const { put, labels } = withVersions('v1');
    put('v2', ['AWSCURRENT', 'X']);
    expect(labels()).toEqual({ v1: 'AWSPREVIOUS', v2: 'AWSCURRENT X' });
  });

  test('the first version gets AWSCURRENT, whatever labels came with it', () => {
    const { put, labels } = withVersions();
    put('v1', ['AWSPENDING']);
    expect(labels()).toEqual({ v1: 'AWSCURRENT AWSPENDING' });
  });

  test('create-once: the same token and value is a success that changes nothing', () => {
    const { put, labels, secrets, clock } = withVersions('v1', 'v2');
    const before = secrets.describeSecret({ SecretId: 'key' });
    clock.advance(HOUR_MS);
    expect(put('v1').VersionStages).toEqual(['AWSPREVIOUS']);
    expect(put('v1', ['AWSPENDING']).VersionStages).toEqual(['AWSPREVIOUS']);
    expect(labels()).toEqual({ v1: 'AWSPREVIOUS', v2: 'AWSCURRENT' });
    expect(secrets.describeSecret({ SecretId: 'key' })).toEqual(before);
  });

  test('create-once: the same token with another value is refused, unlabelled version or not', () => {
    const { put, move, labels, secrets } = withVersions('v1');
    const { ARN } = secrets.describeSecret({ SecretId: 'key' });
    put('claim', ['MOMENTO_CLAIM'], 'mine');
    move('MOMENTO_CLAIM', undefined, 'claim');
    expect(errorOf(() => put('claim', ['MOMENTO_CLAIM'], 'yours'))).toEqual({
      name: 'ResourceExistsException',
      message: `You can't use ClientRequestToken ${token('claim')} because that value is already in use for a version of secret ${ARN}.`,
    });
    expect(labels()).toEqual({ v1: 'AWSCURRENT', claim: '' });
    expect(
      secrets.getSecretValue({ SecretId: 'key', VersionId: token('claim') }).SecretString,
    ).toBe('mine');
  });

  test.each([
    ['token of 31', { ClientRequestToken: 'x'.repeat(31) }, 'InvalidParameterException'],
    ['token of 32', { ClientRequestToken: 'x'.repeat(32) }, undefined],
    ['token of 64', { ClientRequestToken: 'x'.repeat(64) }, undefined],
    ['token of 65', { ClientRequestToken: 'x'.repeat(65) }, 'InvalidParameterException'],
    ['no labels listed', { VersionStages: [] }, 'InvalidParameterException'],
    ['a label of 0', { VersionStages: [''] }, 'InvalidParameterException'],
    ['a label of 256', { VersionStages: ['x'.repeat(256)] }, undefined],
    ['a label of 257', { VersionStages: ['x'.repeat(257)] }, 'InvalidParameterException'],
    ['21 labels', { VersionStages: numbered(21) }, 'InvalidParameterException'],
    ['19 labels beside the current', { VersionStages: numbered(19) }, undefined],
    ['20 labels beside the current', { VersionStages: numbered(20) }, 'LimitExceededException'],
    ['an empty value', { SecretString: '' }, 'ValidationException'],
    ['65,536 bytes', { SecretString: 'x'.repeat(65_536) }, undefined],
    ['65,537 bytes', { SecretString: 'x'.repeat(65_537) }, 'ValidationException'],
    ['65,538 bytes of 2 each', { SecretString: 'ä'.repeat(32_769) }, 'ValidationException'],
    ['no value', { SecretString: undefined }, 'InvalidRequestException'],
    ['both values', { SecretBinary: Uint8Array.of(1) }, 'InvalidParameterException'],
  ])('%s', (_what, over, error) => {
    const { secrets, labels } = withVersions('v1');
    const put = () =>
      secrets.putSecretValue({
        SecretId: 'key',
        SecretString: 'x',
        VersionStages: ['A'],
        ...over,
      });
    if (error === undefined) return expect(put().VersionId).toBeDefined();
    expect(errorOf(put).name).toBe(error);
    return expect(labels()).toEqual({ v1: 'AWSCURRENT' });
  });
});

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `label-${index}`);
}

describe('UpdateSecretVersionStage', () => {
  test('promotes by compare-and-swap, and does not clear AWSPENDING', () => {
    const { put, move, labels } = withVersions('v1');
    put('v2', ['AWSPENDING']);
    move('AWSCURRENT', 'v2', 'v1');
    expect(labels()).toEqual({ v1: 'AWSPREVIOUS', v2: 'AWSCURRENT AWSPENDING' });
    move('AWSPENDING', undefined, 'v2');
    expect(labels()).toEqual({ v1: 'AWSPREVIOUS', v2: 'AWSCURRENT' });
  });

  test.each([
    // stage, to, from
    ['without naming the holder', 'AWSCURRENT', 'v3', undefined],
    ['naming another than the holder', 'AWSCURRENT', 'v3', 'v1'],
    ['the same move again, when the label is there already', 'AWSCURRENT', 'v2', 'v1'],
    ['a label from a version that has it not', 'AWSPENDING', undefined, 'v1'],
    ['a label that nobody has, from someone', 'NOBODY', 'v1', 'v2'],
    ['AWSCURRENT outright', 'AWSCURRENT', undefined, 'v2'],
    ['nothing to nowhere', 'AWSPENDING', undefined, undefined],
  ])('refuses %s', (_what, stage, to, from) => {
    const { put, move, labels } = withVersions('v1', 'v2');
    put('v3', ['AWSPENDING']);
    expect(errorOf(() => move(stage, to, from)).name).toBe('InvalidParameterException');
    expect(labels()).toEqual({ v1: 'AWSPREVIOUS', v2: 'AWSCURRENT', v3: 'AWSPENDING' });
  });

  test('says which version must be named', () => {
    const { put, move } = withVersions('v1');
    put('v2', ['AWSPENDING']);
    expect(errorOf(() => move('AWSCURRENT', 'v2')).message).toBe(
      `The parameter RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached to version ${token('v1')}, so you must explicitly reference that version in RemoveFromVersionId.`,
    );
  });

  test.each([
    ['v9', 'v1'],
    ['v2', 'v9'],
  ])('an unknown version: %s from %s', (to, from) => {
    const { move } = withVersions('v1', 'v2');
    expect(errorOf(() => move('AWSCURRENT', to, from)).name).toBe('ResourceNotFoundException');
  });

  test('a free label attaches without naming anyone, also twice', () => {
    const { move, labels } = withVersions('v1');
    move('X', 'v1');
    move('X', 'v1');
    expect(labels()).toEqual({ v1: 'AWSCURRENT X' });
  });

  test('going back to the previous version swaps the two', () => {
    const { move, labels } = withVersions('v1', 'v2');
    move('AWSCURRENT', 'v1', 'v2');
    expect(labels()).toEqual({ v1: 'AWSCURRENT', v2: 'AWSPREVIOUS' });
  });

  test('no more than 20 labels over all versions', () => {
    const { put, move } = withVersions('v1');
    put('v2', numbered(19));
    expect(errorOf(() => move('one-more', 'v1')).name).toBe('LimitExceededException');
    move('label-0', 'v1', 'v2');
  });
});

describe('DescribeSecret and ListSecretVersionIds', () => {
  test('labelled versions only; the unlabelled when asked for', () => {
    const { secrets } = withVersions('v1', 'v2', 'v3');
    expect(secrets.describeSecret({ SecretId: 'key' }).VersionIdsToStages).toEqual({
      [token('v2')]: ['AWSPREVIOUS'],
      [token('v3')]: ['AWSCURRENT'],
    });
    const ids = (IncludeDeprecated?: boolean) =>
      secrets
        .listSecretVersionIds({ SecretId: 'key', ...(IncludeDeprecated && { IncludeDeprecated }) })
        .Versions?.map(({ VersionId }) => VersionId);
    expect(ids()).toEqual([token('v2'), token('v3')]);
    expect(ids(true)).toEqual([token('v1'), token('v2'), token('v3')]);
  });

  test('pages', () => {
    const { secrets } = withVersions('v1', 'v2', 'v3');
    const page = (NextToken?: string) =>
      secrets.listSecretVersionIds({
        SecretId: 'key',
        IncludeDeprecated: true,
        MaxResults: 2,
        ...(NextToken === undefined ? {} : { NextToken }),
      });
    expect(page().Versions).toHaveLength(2);
    const last = page(page().NextToken);
    expect(last.Versions).toHaveLength(1);
    expect(last.NextToken).toBeUndefined();
    expect(errorOf(() => page('nonsense')).name).toBe('InvalidNextTokenException');
  });
});

describe('a pending version without a value, as a rotation driven by Secrets Manager makes it', () => {
  test('is listed, cannot be read, and takes its value once', () => {
    const { secrets, put, labels } = withVersions('v1');
    secrets.stageWithoutValue('key', token('v2'));
    expect(labels()).toEqual({ v1: 'AWSCURRENT', v2: 'AWSPENDING' });
    expect(
      errorOf(() => secrets.getSecretValue({ SecretId: 'key', VersionStage: 'AWSPENDING' })),
    ).toEqual({
      name: 'ResourceNotFoundException',
      message:
        "Secrets Manager can't find the specified secret value for staging label: AWSPENDING",
    });
    put('v2', ['AWSPENDING']);
    expect(labels()).toEqual({ v1: 'AWSCURRENT', v2: 'AWSPENDING' });
    expect(errorOf(() => put('v2', ['AWSPENDING'], 'other')).name).toBe('ResourceExistsException');
  });

  test('cannot become the current one', () => {
    const { secrets, move } = withVersions('v1');
    secrets.stageWithoutValue('key', token('v2'));
    expect(errorOf(() => move('AWSCURRENT', 'v2', 'v1')).name).toBe('InvalidRequestException');
  });
});

describe('pruning', () => {
  /** `old` versions long ago, then `young` ones just now; the first old one is current throughout. */
  function manyVersions(old: number, young: number) {
    const made = withVersions('v1');
    const putMany = (prefix: string, count: number) => {
      for (let index = 0; index < count; index++) {
        made.put(`${prefix}${index}`, ['LAST']);
        made.clock.advance(1);
      }
    };
    putMany('old', old);
    made.clock.advance(DAY_MS);
    putMany('young', young);
    const has = (name: string) =>
      made.secrets.inspect('key').some(({ versionId }) => versionId === token(name));
    return { ...made, has };
  }

  test('a stack that runs faster keeps them for less', () => {
    const { secrets, clock } = makeSecrets({ keptVersionMs: 1_000 });
    secrets.createSecret({ Name: 'fast' });
    const put = (index: number) =>
      secrets.putSecretValue({ SecretId: 'fast', SecretString: `${index}` });
    for (let index = 0; index < 100; index += 1) put(index);
    expect(errorOf(() => put(100))).toMatchObject({ name: 'LimitExceededException' });
    clock.advance(1_000);
    put(101);
    expect(secrets.inspect('fast').length).toBeLessThanOrEqual(100);
  });

  test('up to 100 versions nothing goes; then the oldest unlabelled, never a labelled one', () => {
    const { secrets, has, put } = manyVersions(50, 49);
    expect(secrets.inspect('key')).toHaveLength(100);
    expect(has('old0')).toBe(true);
    put('one-more', ['LAST']);
    expect(secrets.inspect('key')).toHaveLength(100);
    expect([has('v1'), has('old0'), has('old1')]).toEqual([true, false, true]);
    expect(
      errorOf(() => secrets.getSecretValue({ SecretId: 'key', VersionId: token('old0') })).name,
    ).toBe('ResourceNotFoundException');
    put('and-another', ['LAST']);
    expect(has('old1')).toBe(false);
  });

  test('a version of less than 24 hours stays, and the next put is refused and changes nothing', () => {
    const { secrets, put, clock } = manyVersions(0, 99);
    const before = secrets.inspect('key');
    expect(before).toHaveLength(100);
    expect(errorOf(() => put('refused', ['LAST'])).name).toBe('LimitExceededException');
    expect(secrets.inspect('key')).toEqual(before);

    const firstYoungMs = before[1]?.createdAtMs ?? 0;
    clock.nowMs = firstYoungMs + DAY_MS - 1;
    expect(errorOf(() => put('still refused', ['LAST'])).name).toBe('LimitExceededException');
    clock.nowMs = firstYoungMs + DAY_MS;
    put('accepted', ['LAST']);
    expect(secrets.inspect('key')).toHaveLength(100);
  });

  test('a repetition needs no room', () => {
    const { put } = manyVersions(0, 99);
    expect(put('young0').VersionId).toBe(token('young0'));
  });
});

describe('create, delete, restore', () => {
  test('an existing name', () => {
    const { secrets } = makeSecrets();
    const once = { Name: 'key', SecretString: 'x', ClientRequestToken: token('v1') };
    const first = secrets.createSecret(once);
    expect(secrets.createSecret(once)).toEqual(first);
    expect(errorOf(() => secrets.createSecret({ ...once, SecretString: 'y' }))).toEqual({
      name: 'ResourceExistsException',
      message: 'The operation failed because the secret key already exists.',
    });
  });

  test('while a deletion is scheduled, only describing and restoring work', () => {
    const { secrets, clock } = withVersions('v1');
    const dueMs = clock.nowMs + 30 * DAY_MS;
    expect(secrets.deleteSecret({ SecretId: 'key' }).DeletionDate).toEqual(new Date(dueMs));
    expect(secrets.describeSecret({ SecretId: 'key' }).DeletedDate).toEqual(new Date(dueMs));
    expect(secrets.listSecrets().SecretList).toEqual([]);
    expect(secrets.listSecrets({ IncludePlannedDeletion: true }).SecretList).toHaveLength(1);
    const label = { VersionStage: 'X', MoveToVersionId: token('v1') };
    for (const action of [
      () => secrets.getSecretValue({ SecretId: 'key' }),
      () => secrets.putSecretValue({ SecretId: 'key', SecretString: 'x' }),
      () => secrets.updateSecret({ SecretId: 'key', Description: 'x' }),
      () => secrets.updateSecretVersionStage({ SecretId: 'key', ...label }),
      () => secrets.tagResource({ SecretId: 'key', Tags: [] }),
      () => secrets.deleteSecret({ SecretId: 'key' }),
    ]) {
      expect(errorOf(action)).toEqual({
        name: 'InvalidRequestException',
        message:
          "You can't perform this operation on the secret because it was marked for deletion.",
      });
    }
    expect(errorOf(() => secrets.createSecret({ Name: 'key' }))).toEqual({
      name: 'InvalidRequestException',
      message:
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    });
    clock.nowMs = dueMs - 1;
    secrets.restoreSecret({ SecretId: 'key' });
    expect(secrets.getSecretValue({ SecretId: 'key' }).SecretString).toBe('value of v1');
  });

  test('when the window has passed, the secret is gone and its name is free', () => {
    const { secrets, clock } = withVersions('v1');
    const { ARN } = secrets.deleteSecret({ SecretId: 'key', RecoveryWindowInDays: 7 });
    clock.advance(7 * DAY_MS);
    expect(errorOf(() => secrets.restoreSecret({ SecretId: 'key' })).name).toBe(
      'ResourceNotFoundException',
    );
    expect(secrets.createSecret({ Name: 'key' }).ARN).not.toBe(ARN);
  });

  test.each([
    [6, 'InvalidParameterException'],
    [7, undefined],
    [30, undefined],
    [31, 'InvalidParameterException'],
  ])('a window of %d days', (RecoveryWindowInDays, error) => {
    const { secrets } = withVersions();
    const remove = () => secrets.deleteSecret({ SecretId: 'key', RecoveryWindowInDays });
    if (error === undefined) expect(remove().DeletionDate).toBeDefined();
    else expect(errorOf(remove).name).toBe(error);
  });

  test('a forced deletion is at once, of a scheduled one too, and of nothing at all', () => {
    const { secrets } = withVersions('v1');
    const force = { SecretId: 'key', ForceDeleteWithoutRecovery: true };
    expect(errorOf(() => secrets.deleteSecret({ ...force, RecoveryWindowInDays: 7 })).name).toBe(
      'InvalidParameterException',
    );
    secrets.deleteSecret({ SecretId: 'key' });
    secrets.deleteSecret(force);
    expect(errorOf(() => secrets.describeSecret({ SecretId: 'key' })).name).toBe(
      'ResourceNotFoundException',
    );
    expect(secrets.deleteSecret(force).Name).toBe('key');
  });
});

describe('ListSecrets', () => {
  test.each([
    [{ Key: 'name', Values: ['app/'] }, ['app/a', 'app/b']],
    [{ Key: 'name', Values: ['APP/'] }, []],
    [{ Key: 'name', Values: ['!app/'] }, ['other']],
    [{ Key: 'tag-key', Values: ['team'] }, ['app/a', 'other']],
    [{ Key: 'tag-value', Values: ['red', 'blue'] }, ['app/a', 'other']],
    [{ Key: 'description', Values: ['THE'] }, ['app/b']],
  ] as const)('%j', ({ Key, Values }, names) => {
    const { secrets } = makeSecrets();
    secrets.createSecret({ Name: 'app/a', Tags: [{ Key: 'team', Value: 'red' }] });
    secrets.createSecret({ Name: 'app/b', Description: 'the second' });
    secrets.createSecret({ Name: 'other' });
    secrets.tagResource({ SecretId: 'other', Tags: [{ Key: 'team', Value: 'blue' }] });
    const { SecretList } = secrets.listSecrets({ Filters: [{ Key, Values: [...Values] }] });
    expect(SecretList?.map(({ Name }) => Name)).toEqual(names);
  });
});

describe('UpdateSecret', () => {
  test('a value becomes the current version; a description alone makes none', () => {
    const { secrets, labels } = withVersions('v1');
    secrets.updateSecret({
      SecretId: 'key',
      SecretString: 'x',
      ClientRequestToken: token('v2'),
    });
    expect(labels()).toEqual({ v1: 'AWSPREVIOUS', v2: 'AWSCURRENT' });
    expect(secrets.updateSecret({ SecretId: 'key', Description: 'd' }).VersionId).toBeUndefined();
    expect(secrets.describeSecret({ SecretId: 'key' }).Description).toBe('d');
  });

  test('a new KMS key holds for labelled versions and for what comes', () => {
    const { secrets } = withVersions('v1', 'v2', 'v3');
    const keyArn = 'arn:aws:kms:eu-central-1:111122223333:key/0001';
    secrets.updateSecret({ SecretId: 'key', KmsKeyId: '0001' });
    expect(secrets.describeSecret({ SecretId: 'key' }).KmsKeyId).toBe(keyArn);
    secrets.keys.disableKey(keyArn);
    for (const selector of [{}, { VersionStage: 'AWSPREVIOUS' }]) {
      expect(errorOf(() => secrets.getSecretValue({ SecretId: 'key', ...selector })).name).toBe(
        'DecryptionFailure',
      );
    }
    secrets.getSecretValue({ SecretId: 'key', VersionId: token('v1') });
    expect(errorOf(() => secrets.putSecretValue({ SecretId: 'key', SecretString: 'x' })).name).toBe(
      'EncryptionFailure',
    );
    secrets.keys.enableKey(keyArn);
    secrets.getSecretValue({ SecretId: 'key' });
  });

  test('a refused value leaves the key as it was', () => {
    const { secrets } = withVersions('v1');
    const update = () =>
      secrets.updateSecret({
        SecretId: 'key',
        SecretString: 'other',
        ClientRequestToken: token('v1'),
        KmsKeyId: '0001',
      });
    expect(errorOf(update).name).toBe('ResourceExistsException');
    expect(secrets.describeSecret({ SecretId: 'key' }).KmsKeyId).toBeUndefined();
  });
});
