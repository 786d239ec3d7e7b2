// Every label state that a secret can be in, and the run that heals it.

import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { renderClaim } from '../../../lambda/rotate-key/claim-value.ts';
import { claimVersionId, pairVersionId } from '../../../lambda/shared/version-id.ts';
import { DAY_SECONDS, HOUR_SECONDS, TICK, World } from './world.ts';

const FORCE = (world: World) => ({ secretId: world.arn, force: true });

/** A world with a healthy key, a day old. */
function healthy(): World {
  const world = new World();
  world.import();
  world.wait(DAY_SECONDS);
  return world;
}

function expectHealthy(world: World, currentVersionId?: string): void {
  const labels = world.labels();
  expect(Object.keys(labels).filter((label) => label !== 'AWSPREVIOUS')).toEqual(['AWSCURRENT']);
  if (currentVersionId !== undefined) expect(labels.AWSCURRENT).toBe(currentVersionId);
  const { apiKey } = world.current();
  const wireKey = JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8')).api_key;
  expect(() => world.momento.authenticate(wireKey)).not.toThrow();
}

const descent = (world: World) => ({
  arn: world.arn,
  currentVersionId: world.labels().AWSCURRENT ?? '',
});

/** What a run has stored when it dies right after staging: Momento's new pair, under the id of attempt 0. */
function stageGoodPair(world: World): string {
  const { apiKey, refreshToken } = world.current();
  const wireKey = JSON.parse(Buffer.from(apiKey, 'base64').toString('utf8')).api_key;
  const issued = world.momento.refreshApiToken({ apiKey: wireKey, refreshToken });
  const fresh = Buffer.from(
    JSON.stringify({ endpoint: issued.endpoint, api_key: issued.apiKey }),
  ).toString('base64');
  const text = JSON.stringify({ ...issued, apiKey: fresh });
  return world.put(text, pairVersionId(descent(world), 0), ['AWSPENDING']);
}

function stageDeadPair(world: World): string {
  const key = world.momento.createKeyInConsole({
    lifetimeSeconds: DAY_SECONDS,
    scope: 'super-user',
  });
  world.momento.revoke(key.apiKey);
  return world.put(JSON.stringify(key), pairVersionId(descent(world), 0), ['AWSPENDING']);
}

function claimBy(world: World, overrides: { runEndsInMs: number; lapsesInMs: number }): string {
  const nowMs = world.clock.now();
  const claim = {
    claimant: 'another-run',
    runEndsAtMs: nowMs + overrides.runEndsInMs,
    lapsesAtMs: nowMs + overrides.lapsesInMs,
  };
  return world.put(renderClaim(claim), claimVersionId(descent(world), 0), ['MOMENTO_CLAIM']);
}

describe('a secret with', () => {
  test('no value: says so, and fails nothing', async () => {
    const world = new World();
    expect(await world.tick()).toMatchObject({ outcome: 'no-key', reason: 'no-value' });
    expect(world.events).toEqual([]);
    expect(world.calls).toEqual(['DescribeSecret']);
  });

  test('a current version only: not due, then rotated', async () => {
    const world = healthy();
    const before = world.labels().AWSCURRENT;
    expect(await world.tick()).toMatchObject({ outcome: 'not-due' });
    expectHealthy(world, before);

    world.wait(20 * DAY_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'due' });
    expectHealthy(world);
    expect(world.labels()).toMatchObject({ AWSPREVIOUS: before });
    expect(world.labels().AWSCURRENT).not.toBe(before);
    expect(world.events).toMatchObject([{ type: 'Momento API Key Rotated' }]);
    expect(await world.tick()).toMatchObject({ outcome: 'not-due' });
  });

  test('a pending pair that continues AWSCURRENT: tested and promoted', async () => {
    const world = healthy();
    const staged = stageGoodPair(world);
    expect(await world.tick()).toMatchObject({ outcome: 'resumed', reason: 'pending-resumed' });
    expectHealthy(world, staged);
    expect(world.events).toMatchObject([
      { type: 'Momento API Key Rotated', detail: { versionId: staged } },
    ]);
    expect(world.calls).not.toContain('RefreshApiKey');
  });

  test('a pending pair that does not: a newer key was imported meanwhile, and stays', async () => {
    const world = healthy();
    stageGoodPair(world);
    world.import();
    const imported = world.labels().AWSCURRENT;
    expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'superseded' });
    expectHealthy(world, imported);
  });

  test('AWSPENDING on AWSCURRENT: the label goes, and the rotation that it tells of is announced', async () => {
    const world = healthy();
    const promoted = stageGoodPair(world);
    world.secrets.updateSecretVersionStage({
      SecretId: world.arn,
      VersionStage: 'AWSCURRENT',
      RemoveFromVersionId: world.labels().AWSCURRENT,
      MoveToVersionId: promoted,
    });
    expect(world.labels().AWSPENDING).toBe(promoted);
    expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'pending-on-current' });
    expectHealthy(world, promoted);
    expect(world.events).toMatchObject([
      { type: 'Momento API Key Rotated', detail: { versionId: promoted } },
    ]);
  });

  test('an empty pending version: the label goes', async () => {
    const world = healthy();
    const before = world.labels().AWSCURRENT;
    world.secrets.stageWithoutValue(world.arn);
    expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'pending-empty' });
    expectHealthy(world, before);
  });

  test('a pending pair that fails its test once: it stays, the run fails', async () => {
    const world = healthy();
    const before = world.labels().AWSCURRENT;
    const staged = stageDeadPair(world);
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'pending-refused' });
    expect(world.labels()).toMatchObject({ AWSCURRENT: before, AWSPENDING: staged });
    // The same tick delivered twice is no second test.
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'pending-refused' });
    expect(world.labels()).toMatchObject({ AWSPENDING: staged });
  });

  test('a pending pair that fails its test twice, while AWSCURRENT authenticates: discarded', async () => {
    const world = healthy();
    const before = world.labels().AWSCURRENT;
    stageDeadPair(world);
    await world.tick();
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'pending-discarded' });
    expectHealthy(world, before);
  });

  test('a pending pair that is accepted the second time: promoted', async () => {
    const world = healthy();
    const staged = stageGoodPair(world);
    let refusals = 0;
    world.fault = (call) =>
      call === 'ListCaches' && refusals++ < 3 ? new Error('away') : undefined;
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'momento-unreachable' });
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'resumed' });
    expectHealthy(world, staged);
  });

  test('a refused pending pair, and AWSCURRENT refused too: nothing is discarded', async () => {
    const world = healthy();
    const staged = stageDeadPair(world);
    world.momento.revoke(world.current().apiKey);
    await world.tick();
    world.wait(HOUR_SECONDS);
    expect(await world.tick()).toMatchObject({ outcome: 'failed', reason: 'key-refused' });
    expect(world.labels()).toMatchObject({ AWSPENDING: staged });
  });

  test('a live claim: left alone, forced or not', async () => {
    const world = healthy();
    const claim = claimBy(world, { runEndsInMs: 60_000, lapsesInMs: 60_000 });
    for (const event of [TICK, FORCE(world)]) {
      expect(await world.tick(event)).toMatchObject({
        outcome: 'lost-race',
        reason: 'claimed-by-another-run',
      });
    }
    expect(world.labels().MOMENTO_CLAIM).toBe(claim);
    expect(world.calls).not.toContain('RefreshApiKey');
  });

  test('a lapsed claim: the interrupted rotation is finished', async () => {
    const world = healthy();
    claimBy(world, { runEndsInMs: 60_000, lapsesInMs: 60_000 });
    world.wait(61);
    expect(await world.tick()).toMatchObject({ outcome: 'rotated', reason: 'interrupted' });
    expectHealthy(world);
  });

  test('a lapsed claim on an older key: the label goes', async () => {
    const world = healthy();
    claimBy(world, { runEndsInMs: 60_000, lapsesInMs: 60_000 });
    world.import();
    const imported = world.labels().AWSCURRENT;
    world.wait(61);
    expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'stray-label' });
    expectHealthy(world, imported);
  });

  test('a live claim on an older key: its run may still stage a pair, so the imported one waits', async () => {
    const world = healthy();
    claimBy(world, { runEndsInMs: 60_000, lapsesInMs: 60_000 });
    world.import();
    const imported = world.labels().AWSCURRENT;
    expect(await world.tick(FORCE(world))).toMatchObject({ outcome: 'lost-race' });
    world.wait(61);
    expect(await world.tick(FORCE(world))).toMatchObject({ outcome: 'rotated', reason: 'forced' });
    expect(world.labels()).toMatchObject({ AWSPREVIOUS: imported });
    expectHealthy(world);
  });

  test('a claim whose run has ended: an operator need not wait for its time', async () => {
    const world = healthy();
    world.momento.revoke(world.current().apiKey);
    expect(await world.tick(FORCE(world))).toMatchObject({ reason: 'key-refused' });
    expect(world.labels().MOMENTO_ENDED).toBe(world.labels().MOMENTO_CLAIM);
    // The schedule keeps its back-off.
    expect(await world.tick()).toMatchObject({ outcome: 'deferred', reason: 'backing-off' });
    expect(await world.tick(FORCE(world))).toMatchObject({ outcome: 'failed' });
    world.import();
    expect(await world.tick(FORCE(world))).toMatchObject({ outcome: 'rotated' });
    await world.tick();
    expectHealthy(world);
  });

  test('the mark of an import that did not finish: the label goes, and applications keep their key', async () => {
    const world = healthy();
    const current = world.labels().AWSCURRENT;
    const key = world.momento.createKeyInConsole({
      lifetimeSeconds: DAY_SECONDS,
      scope: 'super-user',
    });
    world.put(JSON.stringify(key), randomUUID(), ['MOMENTO_IMPORT']);
    expect(await world.tick()).toMatchObject({ outcome: 'healed', reason: 'stray-label' });
    expectHealthy(world, current);
  });

  test('every stray label at once: one run heals them all', async () => {
    const world = healthy();
    claimBy(world, { runEndsInMs: 60_000, lapsesInMs: 60_000 });
    const staged = stageDeadPair(world);
    world.secrets.updateSecretVersionStage({
      SecretId: world.arn,
      VersionStage: 'MOMENTO_REFUSED_1',
      MoveToVersionId: staged,
    });
    world.import();
    world.wait(61);
    expect(await world.tick()).toMatchObject({ outcome: 'healed' });
    expectHealthy(world);
  });
});
