// The SDK against Secrets Manager on loopback: what each answer and each error means for a rotation.

import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../lambda/shared/clock.ts';
import {
  isTransient,
  SecretFailure,
  SecretsManagerVersions,
  toSecretFailure,
} from '../../../lambda/shared/secret-versions.ts';
import { AwsError } from '../../../local/aws/aws-error.ts';
import type { Fault } from '../../../local/aws/server.ts';
import { type Stack, secretsClient, startStack, token } from '../../local/aws/builders.ts';
import { SimulatedClock } from '../simulated-clock.ts';

const SECRET_ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:MyKMSKey-AbCdEf';

let stack: Stack;
let client: SecretsManagerClient;
let fault: Fault | undefined;
let inputs: unknown[];
let versions: SecretsManagerVersions;
let arn: string;

beforeEach(async () => {
  fault = undefined;
  inputs = [];
  stack = await startStack({
    intercept: ({ input }) => {
      inputs.push(input);
      return fault;
    },
  });
  client = secretsClient(stack.server, stack.operator);
  versions = new SecretsManagerVersions(client, systemClock);
  arn = stack.secrets.createSecret({ Name: 'MyKMSKey' }).ARN ?? '';
});
afterEach(async () => {
  client.destroy();
  await stack.close();
});

const put = (text: string, id: string, labels?: string[]) =>
  stack.secrets.putSecretValue({
    SecretId: arn,
    SecretString: text,
    ClientRequestToken: token(id),
    ...(labels !== undefined && { VersionStages: labels }),
  });

const refusing = (name: string, message: string, status = 400): Fault => ({
  error: new AwsError(name, message, { status }),
});

describe('finding secrets by their tag', () => {
  const make = (name: string, ...tags: Array<[string, string]>): string =>
    stack.secrets.createSecret({
      Name: name,
      Tags: tags.map(([Key, Value]) => ({ Key, Value })),
    }).ARN ?? '';

  test('exactly the key and the value, on one and the same tag', async () => {
    const found = make('found', ['team', 'blue'], ['other', 'x']);
    // Secrets Manager's own filters ask for beginnings, and for the value of any tag.
    make('longer-value', ['team', 'blueish']);
    make('longer-key', ['teams', 'blue']);
    make('another-tag', ['team', 'red'], ['colour', 'blue']);
    make('other-case', ['Team', 'blue']);
    expect(await versions.listTagged({ key: 'team', value: 'blue' })).toEqual([found]);
    expect(await versions.listTagged({ key: 'team', value: 'green' })).toEqual([]);
  });

  test('all pages, and no secret that waits for its deletion', async () => {
    const made = Array.from({ length: 205 }, (_, index) => make(`s${index}`, ['team', 'blue']));
    stack.secrets.deleteSecret({ SecretId: made[7] ?? '' });
    const found = await versions.listTagged({ key: 'team', value: 'blue' });
    expect(found.toSorted()).toEqual(made.filter((_, index) => index !== 7).toSorted());
  });

  test('no replica of another Region: it cannot be written here', async () => {
    const Tags = [{ Key: 'team', Value: 'blue' }];
    const SecretList = [
      { ARN: 'arn:aws:secretsmanager:eu-west-1:1:secret:here', PrimaryRegion: 'eu-west-1', Tags },
      { ARN: 'arn:aws:secretsmanager:eu-west-1:1:secret:there', PrimaryRegion: 'us-east-1', Tags },
    ];
    // The local store has no replicas: the answer is the one that AWS would give.
    client.middlewareStack.add(
      (next) => async (args) => ({
        ...(await next(args)),
        output: { SecretList, $metadata: {} },
      }),
      { step: 'initialize' },
    );
    const found = await versions.listTagged({ key: 'team', value: 'blue' });
    expect(found).toEqual(['arn:aws:secretsmanager:eu-west-1:1:secret:here']);
  });

  test('a refusal says what is missing', async () => {
    fault = refusing(
      'AccessDeniedException',
      'not authorized to perform: secretsmanager:ListSecrets',
    );
    await expect(versions.listTagged({ key: 'team', value: 'blue' })).rejects.toMatchObject({
      code: 'access-denied',
    });
  });
});

describe('reading', () => {
  test('labels by the version that they sit on, by name or ARN', async () => {
    put('one', 'v1');
    put('two', 'v2', ['AWSPENDING', 'MOMENTO_REFUSED_1']);
    for (const secretId of [arn, 'MyKMSKey']) {
      const description = await versions.describe(secretId);
      expect(description).toMatchObject({ arn, deletedAtMs: undefined });
      expect(Object.fromEntries(description.labels)).toEqual({
        AWSCURRENT: token('v1'),
        AWSPENDING: token('v2'),
        MOMENTO_REFUSED_1: token('v2'),
      });
    }
  });

  test('a secret that waits for its deletion says so', async () => {
    stack.secrets.deleteSecret({ SecretId: arn, RecoveryWindowInDays: 7 });
    const { deletedAtMs } = await versions.describe(arn);
    expect(Math.abs((deletedAtMs ?? 0) - Date.now() - 7 * 86_400_000)).toBeLessThan(8 * 86_400_000);
    await expect(versions.read(arn, token('v1'))).rejects.toMatchObject({
      code: 'secret-scheduled-for-deletion',
    });
  });

  test('a version with its time, to the second at least', async () => {
    put('one', 'v1');
    const version = await versions.read(arn, token('v1'));
    expect(version).toMatchObject({ versionId: token('v1'), text: 'one' });
    expect(Math.abs(version.createdAtMs - Date.now())).toBeLessThan(60_000);
  });

  test('a value that was put as binary is read as text', async () => {
    stack.secrets.putSecretValue({
      SecretId: arn,
      SecretBinary: new TextEncoder().encode('{"apiKey":"schlüssel"}'),
      ClientRequestToken: token('v1'),
    });
    expect(await versions.read(arn, token('v1'))).toMatchObject({ text: '{"apiKey":"schlüssel"}' });
  });

  test('a version that is not there, and one without a value, are told from a secret that is not', async () => {
    put('one', 'v1');
    const { versionId } = stack.secrets.stageWithoutValue(arn);
    for (const missing of [token('v9'), versionId]) {
      await expect(versions.read(arn, missing)).rejects.toMatchObject({
        code: 'version-not-found',
      });
    }
    await expect(versions.describe('Gone')).rejects.toMatchObject({ code: 'secret-not-found' });
    await expect(versions.read('Gone', token('v1'))).rejects.toMatchObject({
      code: 'secret-not-found',
    });
  });
});

describe('creating', () => {
  test('under exactly this id and label; AWSCURRENT stays', async () => {
    put('one', 'v1');
    await versions.create(arn, token('v2'), 'two', 'AWSPENDING');
    const { labels } = await versions.describe(arn);
    expect(labels.get('AWSCURRENT')).toBe(token('v1'));
    expect(labels.get('AWSPENDING')).toBe(token('v2'));
  });

  test('again with the same text changes nothing, with another it exists', async () => {
    await versions.create(arn, token('v1'), 'one', 'MOMENTO_CLAIM');
    await versions.create(arn, token('v1'), 'one', 'MOMENTO_CLAIM');
    await expect(versions.create(arn, token('v1'), 'other', 'MOMENTO_CLAIM')).rejects.toMatchObject(
      { code: 'version-exists' },
    );
    expect(await versions.read(arn, token('v1'))).toMatchObject({ text: 'one' });
  });
});

describe('moving a label', () => {
  test('compare, and swap', async () => {
    put('one', 'v1');
    put('two', 'v2', ['AWSPENDING']);
    await versions.moveLabel(arn, 'AWSCURRENT', { from: token('v1'), to: token('v2') });
    expect((await versions.describe(arn)).labels.get('AWSCURRENT')).toBe(token('v2'));
    await expect(
      versions.moveLabel(arn, 'AWSCURRENT', { from: token('v1'), to: token('v2') }),
    ).rejects.toMatchObject({ code: 'label-moved', cause: { name: 'InvalidParameterException' } });
  });

  test('off; and what is off already has moved', async () => {
    put('two', 'v2', ['AWSPENDING']);
    await versions.moveLabel(arn, 'AWSPENDING', { from: token('v2') });
    expect((await versions.describe(arn)).labels.has('AWSPENDING')).toBe(false);
    await expect(
      versions.moveLabel(arn, 'AWSPENDING', { from: token('v2') }),
    ).rejects.toMatchObject({ code: 'label-moved' });
  });

  test('any other error is not a moved label', async () => {
    put('two', 'v2', ['AWSPENDING']);
    fault = refusing('AccessDeniedException', 'is not authorized');
    await expect(
      versions.moveLabel(arn, 'AWSPENDING', { from: token('v2') }),
    ).rejects.toMatchObject({ code: 'access-denied' });
  });

  test('a wrong parameter is a moved label nowhere else', async () => {
    fault = refusing('InvalidParameterException', 'ClientRequestToken is too short');
    for (const call of [
      versions.create(arn, token('v1'), 'x', 'L'),
      versions.describe(arn),
      versions.read(arn, token('v1')),
      versions.list(arn),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'secrets-manager-refused' });
    }
  });
});

describe('listing the versions', () => {
  test('every page, those without a label too', async () => {
    for (let index = 0; index < 8; index += 1) put(`text ${index}`, `v${index}`);
    let asked = 0;
    // Pages of three: the service's own hold as many as a secret can have.
    client.middlewareStack.add(
      (next) => (args) => {
        asked += 1;
        return next({ ...args, input: { ...args.input, MaxResults: 3 } });
      },
      { step: 'initialize' },
    );
    const listed = await versions.list(arn);
    expect(listed.map(({ versionId }) => versionId).sort()).toEqual(
      Array.from({ length: 8 }, (_, index) => token(`v${index}`)).sort(),
    );
    expect(asked).toBe(3);
    expect(inputs).toMatchObject([
      { IncludeDeprecated: true },
      { NextToken: expect.any(String) },
      { NextToken: expect.any(String) },
    ]);
  });

  test('with the time of each', async () => {
    put('one', 'v1');
    const { createdAtMs } = await versions.read(arn, token('v1'));
    expect(await versions.list(arn)).toEqual([{ versionId: token('v1'), createdAtMs }]);
  });
});

describe('what each error means', () => {
  const missing = "Secrets Manager can't find the specified secret";
  test.each<[string, string, string, number?]>([
    ['AccessDeniedException', 'is not authorized to perform: x', 'access-denied'],
    ['ResourceNotFoundException', `${missing}.`, 'secret-not-found'],
    ['ResourceNotFoundException', `${missing} value for VersionId: a`, 'version-not-found'],
    ['ResourceNotFoundException', `${missing} value for staging label: X`, 'version-not-found'],
    ['ResourceExistsException', 'already in use for a version', 'version-exists'],
    [
      'InvalidRequestException',
      "You can't perform this operation on the secret because it was marked for deletion.",
      'secret-scheduled-for-deletion',
    ],
    ['InvalidRequestException', 'You tried something else', 'secrets-manager-refused'],
    ['InvalidParameterException', 'wrong', 'secrets-manager-refused'],
    ['ValidationException', 'wrong', 'secrets-manager-refused'],
    ['LimitExceededException', 'too many', 'secrets-manager-refused'],
    ['DecryptionFailure', 'no', 'kms-unusable'],
    ['EncryptionFailure', 'no', 'kms-unusable'],
    ['AccessDeniedException', 'Access to KMS is not allowed', 'kms-unusable'],
    ['InvalidRequestException', 'KMS key is disabled', 'kms-unusable'],
    ['AccessDeniedException', `is not authorized on ${SECRET_ARN}`, 'access-denied'],
    [
      'AccessDeniedException',
      'on arn:aws:secretsmanager:eu-central-1:1:secret:My/KMS-AbCdEf because no policy allows it',
      'access-denied',
    ],
    ['InternalServiceError', 'oops', 'secrets-manager-unavailable', 500],
    ['ThrottlingException', 'Rate exceeded', 'secrets-manager-unavailable'],
    ['ServiceUnavailable', 'later', 'secrets-manager-unavailable', 503],
  ])('%s: %s', async (name, message, code, status = 400) => {
    fault = refusing(name, message, status);
    const error = await versions.describe(arn).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SecretFailure);
    expect(error).toMatchObject({
      code,
      // What AWS said stays, for people; and the error, for machines.
      message: expect.stringContaining(`${name}: ${message}`),
      cause: { name },
    });
    expect(isTransient(error)).toBe(code === 'secrets-manager-unavailable');
  });

  test('nobody listens: unavailable, and worth a second try', async () => {
    await stack.close();
    const error = await versions.describe(arn).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'secrets-manager-unavailable' });
    expect(isTransient(error)).toBe(true);
    // afterEach closes it again.
    stack = await startStack();
  });

  test('what is no error at all is unavailable too', () => {
    expect(toSecretFailure('oops')).toMatchObject({
      code: 'secrets-manager-unavailable',
      message: expect.stringContaining('oops'),
    });
  });

  test('the answer is lost: unavailable', async () => {
    fault = { loseAnswer: true };
    await expect(versions.create(arn, token('v1'), 'one', 'L')).rejects.toMatchObject({
      code: 'secrets-manager-unavailable',
    });
    fault = undefined;
    expect((await versions.describe(arn)).labels.get('L')).toBe(token('v1'));
  });
});

test('a call that hangs ends after 4 s, and lets go of its connection', async () => {
  const clock = new SimulatedClock();
  const startedMs = clock.now();
  let signal: AbortSignal | undefined;
  const send = client.send.bind(client);
  const watching = {
    send: (command: never, options: { abortSignal: AbortSignal }) => {
      signal = options.abortSignal;
      return send(command, options);
    },
  } as unknown as SecretsManagerClient;
  fault = { delayMs: 60_000 };
  await expect(
    clock.run(new SecretsManagerVersions(watching, clock).describe(arn)),
  ).rejects.toMatchObject({
    code: 'secrets-manager-unavailable',
    message: expect.stringContaining('no answer within 4 s'),
  });
  expect(clock.now() - startedMs).toBe(4_000);
  expect(signal?.aborted).toBe(true);
});
