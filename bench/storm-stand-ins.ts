// The stand-ins of a storm, each in a process of its own.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FunctionDefinition } from '../local/assembly/functions.ts';
import type { Credentials } from '../local/lambda/environment-variables.ts';

/** One auth operation, as Momento saw it. */
export interface MomentoCall {
  /** Epoch milliseconds of its arrival. */
  readonly atMs: number;
  /** gRPC's, such as `OK` or `RESOURCE_EXHAUSTED`. */
  readonly status: string;
}

export interface MomentoDescribed {
  readonly endpoint: string;
  /** A super-user key, as the console downloads it. */
  readonly key: string;
}

export interface AwsWanted {
  readonly assemblyDirectory: string;
  readonly key: string;
}

export interface AwsDescribed {
  readonly url: string;
  /** vend-token. */
  readonly definition: FunctionDefinition;
  /** Of its role. */
  readonly credentials: Credentials;
}

export interface StandIns {
  /** Momento refuses more auth operations than these in any sliding second. */
  readonly ratePerSecond: number;
  readonly momentoEndpoint: string;
  readonly aws: AwsDescribed;
  /** Since the last time it was called. */
  takeMomentoCalls(): Promise<readonly MomentoCall[]>;
  close(): Promise<void>;
}

/** @param assemblyDirectory synthesized with `stormConfig(ratePerSecond)` */
export async function startStandIns(
  assemblyDirectory: string,
  ratePerSecond: number,
): Promise<StandIns> {
  const momento = standIn('momento');
  const aws = standIn('aws');
  const close = async () => {
    await Promise.all([momento, aws].map(ended));
  };
  try {
    const { endpoint, key } = await asked<MomentoDescribed>(momento, ratePerSecond);
    const described = await asked<AwsDescribed>(aws, { assemblyDirectory, key } as AwsWanted);
    return {
      ratePerSecond,
      momentoEndpoint: endpoint,
      aws: described,
      takeMomentoCalls: () => asked<MomentoCall[]>(momento, 'calls'),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const standIn = (name: 'momento' | 'aws'): ChildProcess =>
  fork(fileURLToPath(new URL(`./storm-${name}-main.ts`, import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  });

/** Both ends are ours: what comes is what that end says it sends. */
async function asked<Answer>(child: ChildProcess, question: number | string | object) {
  const gone = once(child, 'exit').then(() => {
    throw new Error('A stand-in has ended; see above.');
  });
  child.send(question);
  const [answer] = await Promise.race([once(child, 'message'), gone]);
  return answer as Answer;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  if (child.connected) child.disconnect();
  await exit;
}
