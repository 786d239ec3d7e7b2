// The synthesized stack as plain data: everything that the local stack runs comes from here.

import { type AlarmDefinition, readAlarms } from './alarms.ts';
import { readJson, readStacks } from './cloud-assembly.ts';
import { type FunctionDefinition, readFunctions } from './functions.ts';
import { type HttpApiDefinition, readHttpApis } from './http-apis.ts';
import { ResolvedTemplate } from './intrinsics.ts';
import { readOutputs, type StackOutput } from './outputs.ts';
import { type InvokePermission, readPermissions } from './permissions.ts';
import type { Deployment } from './physical.ts';
import { type QueueDefinition, readQueues } from './queues.ts';
import {
  type QueuePolicy,
  readQueuePolicies,
  readTopicPolicies,
  type TopicPolicy,
} from './resource-policies.ts';
import {
  type ManagedPolicyDefinition,
  type RoleDefinition,
  readManagedPolicies,
  readRoles,
} from './roles.ts';
import { type RuleDefinition, readRules } from './rules.ts';
import { readSecrets, type SecretDefinition } from './secrets.ts';
import { readTables, type TableDefinition } from './tables.ts';
import { AssemblyError, parseTemplate } from './template.ts';
import { readTopics, type TopicDefinition } from './topics.ts';
import { readUserPools, type UserPoolDefinition } from './user-pools.ts';

export interface ReadAssemblyOptions {
  readonly accountId: string;
  readonly region: string;
  /** For example `http://127.0.0.1:4566`, without a slash at the end. */
  readonly queueBaseUrl: string;
  /** Which stack, in an app of several. @default the only one */
  readonly stackName?: string;
  /** Values for the template's Parameters. @default the defaults of the template */
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface Assembly {
  readonly deployment: Deployment;
  readonly functions: readonly FunctionDefinition[];
  readonly roles: readonly RoleDefinition[];
  readonly managedPolicies: readonly ManagedPolicyDefinition[];
  readonly rules: readonly RuleDefinition[];
  readonly permissions: readonly InvokePermission[];
  readonly secrets: readonly SecretDefinition[];
  readonly queues: readonly QueueDefinition[];
  readonly queuePolicies: readonly QueuePolicy[];
  readonly tables: readonly TableDefinition[];
  readonly httpApis: readonly HttpApiDefinition[];
  readonly userPools: readonly UserPoolDefinition[];
  readonly alarms: readonly AlarmDefinition[];
  readonly topics: readonly TopicDefinition[];
  readonly topicPolicies: readonly TopicPolicy[];
  readonly outputs: readonly StackOutput[];
}

/** @throws AssemblyError for anything that the local stack would have to guess at. */
export function readAssembly(directory: string, options: ReadAssemblyOptions): Assembly {
  const stacks = readStacks(directory);
  const chosen =
    options.stackName === undefined
      ? stacks
      : stacks.filter(({ stackName }) => stackName === options.stackName);
  const [stack] = chosen;
  if (stack === undefined || chosen.length > 1) {
    const names = stacks.map(({ stackName }) => stackName).join(', ') || 'none';
    throw new AssemblyError('malformed', `one stack is needed; the assembly has: ${names}`);
  }
  const { accountId, region, queueBaseUrl } = options;
  const deployment: Deployment = { accountId, region, queueBaseUrl, stackName: stack.stackName };
  const template = new ResolvedTemplate(
    parseTemplate(readJson(stack.templatePath)),
    deployment,
    options.parameters,
  );
  return {
    deployment,
    functions: readFunctions(template, {
      directory,
      assetPathByObjectKey: stack.assetPathByObjectKey,
    }),
    roles: readRoles(template),
    managedPolicies: readManagedPolicies(template),
    rules: readRules(template),
    permissions: readPermissions(template),
    secrets: readSecrets(template),
    queues: readQueues(template),
    queuePolicies: readQueuePolicies(template),
    tables: readTables(template),
    httpApis: readHttpApis(template),
    userPools: readUserPools(template),
    alarms: readAlarms(template),
    topics: readTopics(template),
    topicPolicies: readTopicPolicies(template),
    outputs: readOutputs(template),
  };
}
