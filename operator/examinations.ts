// Everything that `doctor` looks at once the stack is found: each part looks by itself, says what it found, and never
// throws.

import { duration } from '../lambda/rotate-key/wording.ts';
import { findAlarms } from './alarms.ts';
import { type DeployedFunction, findFunction } from './deployment.ts';
import { differences } from './drift.ts';
import { explain } from './explain.ts';
import { type Finding, note, well, wrong } from './finding.ts';
import { keyFindings } from './key-findings.ts';
import type { Patient } from './patient.ts';
import type { Place } from './place.ts';
import { reach } from './reach.ts';
import { findScheduleRules, type ScheduleRule } from './schedule-rules.ts';

export interface Examination {
  readonly title: string;
  /** What is said while it goes on. */
  readonly doing: string;
  readonly examine: (patient: Patient) => Promise<readonly Finding[]>;
}

const REDEPLOY = 'npx cdk deploy --revert-drift';

const deployment: Examination = {
  title: 'Deployment',
  doing: 'Looking at the deployment',
  examine: async ({ deployment: found, rotation, config, place }) => {
    const { stackName, status, outputs } = found;
    const findings: Finding[] = [];
    if (/IN_PROGRESS$/.test(status)) {
      findings.push(
        note(
          `The stack ${stackName} is being changed (${status}).`,
          'Wait for it, and look again.',
        ),
      );
    } else if (/^(CREATE|UPDATE|IMPORT)_COMPLETE$/.test(status)) {
      findings.push(well(`The stack ${stackName} is deployed (${status}).`));
    } else {
      findings.push(
        wrong(`The stack ${stackName} is ${status}: its last deployment failed.`, 'npx cdk deploy'),
      );
    }

    const vendName = outputs.get('VendTokenFunctionName');
    const vendToken = vendName === undefined ? undefined : await findFunction(vendName, place);
    for (const each of vendToken === undefined
      ? [rotation.function]
      : [rotation.function, vendToken]) {
      findings.push(functionFinding(each));
    }
    findings.push(...scheduleFindings(await findScheduleRules(rotation.function.arn, place)));
    if (config === undefined) return findings;

    const drifted = differences(config, {
      outputs,
      rotateKey: rotation.function.environment,
      vendToken: vendToken?.environment,
      timeScale: place.timeScale,
    });
    if (drifted.length === 0)
      findings.push(well('It is what cdk.json says, as far as its functions tell.'));
    for (const { setting, configured, deployed } of drifted) {
      findings.push(
        note(
          `cdk.json says ${setting} = ${configured || 'nothing'}, deployed is ${deployed || 'nothing'}.`,
          place.isLocal ? 'Start npm start anew.' : 'npx cdk diff, then npx cdk deploy',
        ),
      );
    }
    return findings;
  },
};

/** Pure. */
export function scheduleFindings(rules: readonly ScheduleRule[]): readonly Finding[] {
  if (rules.length === 0)
    return [wrong('No schedule runs the function: keys are not renewed.', REDEPLOY)];
  return rules.map(({ name, schedule, isOn }) =>
    isOn
      ? well(`The schedule ${schedule} is on.`)
      : wrong(
          `The schedule ${schedule} is off: keys are not renewed.`,
          `aws events enable-rule --name ${name}`,
        ),
  );
}

function functionFinding({
  name,
  state,
  lastUpdateStatus,
  lastUpdateReason,
}: DeployedFunction): Finding {
  if (state === 'Failed' || lastUpdateStatus === 'Failed') {
    return wrong(`The function ${name} cannot run: ${lastUpdateReason ?? state}.`, REDEPLOY);
  }
  if (state === 'Pending' || lastUpdateStatus === 'InProgress') {
    return note(`The function ${name} is being changed.`, 'Wait for it, and look again.');
  }
  return well(`The function ${name} is ready.`);
}

const keys: Examination = {
  title: 'Keys',
  doing: 'Trying what a rotation of each key needs',
  examine: async (patient) => {
    if (patient.keys.length === 0) {
      return [wrong('The stack has no key.', 'Write "keys" into cdk.json, and npx cdk deploy')];
    }
    const found = await Promise.all(patient.keys.map((key) => keyFindings(key, patient)));
    return found.flat();
  },
};

const tokenEndpoint: Examination = {
  title: 'Token endpoint',
  doing: 'Knocking at the token endpoint',
  examine: async ({ deployment: { outputs }, place, config }) => {
    const url = outputs.get('TokenEndpointUrl');
    if (url === undefined) return [well('There is none, as configured.')];
    if (
      config !== undefined &&
      config.tokenEndpoint !== false &&
      config.tokenEndpoint.auth.type === 'none'
    ) {
      return [
        note(
          'It asks nobody who he is: whoever finds it gets a token.',
          'Write another "auth" into cdk.json, under tokenEndpoint, if that is not meant',
        ),
      ];
    }
    const target = place.isLocal ? (place.tokenEndpointUrl ?? url) : url;
    const answer = await reach(new URL(target), { method: 'POST' }, place);
    await answer.body?.cancel();
    if (answer.status === 401) return [well('It answers, and lets nobody in without a login.')];
    return [
      wrong(
        `It answers ${answer.status} to a request without a login, where 401 is right.`,
        'docs/runbook.md#token-endpoint-5xx',
      ),
    ];
  },
};

/** Beyond this AWS refuses signatures, unless the client corrects its clock. */
const CLOCK_WRONG_MS = 300_000;
const CLOCK_OFF_MS = 5_000;

const clocks: Examination = {
  title: 'Clocks',
  doing: 'Comparing clocks',
  examine: async ({ now, versions, keys }) => {
    const [key] = keys;
    if (key === undefined) return [];
    // AWS's time is known from its answers, refusals included, and all examinations begin at once.
    await versions.describe(key.secretArn).catch(() => {});
    const offMs = now() - Date.now();
    const off = `${duration(Math.abs(offMs) / 1000)} ${offMs > 0 ? 'behind' : 'ahead of'} AWS's`;
    if (Math.abs(offMs) > CLOCK_WRONG_MS) {
      return [wrong(`This machine's clock is ${off}.`, 'Set the clock: timedatectl set-ntp true')];
    }
    if (Math.abs(offMs) > CLOCK_OFF_MS) {
      return [note(`This machine's clock is ${off}.`, 'Set the clock: timedatectl set-ntp true')];
    }
    return [well("This machine's clock agrees with AWS's.")];
  },
};

const alarms: Examination = {
  title: 'Alarms',
  doing: 'Looking at the alarms',
  examine: async ({ deployment: { stackName, outputs }, place }) => {
    const findings: Finding[] = [];
    const found = await findAlarms(stackName, place);
    const loud = found.filter(({ state }) => state === 'ALARM');
    if (found.length === 0) findings.push(wrong('The stack has no alarms.', REDEPLOY));
    else if (loud.length === 0) {
      const silent = found.filter(({ state }) => state === 'INSUFFICIENT_DATA').length;
      const rest =
        silent === 0 ? '' : `; ${silent} ${silent === 1 ? 'has' : 'have'} had no data yet`;
      findings.push(well(`${found.length} alarms, and none is on${rest}.`));
    }
    for (const { sentence, section, name } of loud) {
      findings.push(
        wrong(
          `ALARM: ${sentence}`,
          section ?? `aws cloudwatch describe-alarms --alarm-names ${name}`,
        ),
      );
    }
    const topicArn = outputs.get('AlarmTopicArn');
    if (topicArn === undefined) return findings;
    try {
      return [...findings, ...(await subscriberFindings(topicArn, place))];
    } catch (error) {
      // The alarms themselves are known.
      const { message, next } = explain(error, place);
      const sentence = `Who hears of alarms could not be looked at: ${message}`;
      return [...findings, wrong(sentence, next ?? 'docs/operator.md')];
    }
  },
};

async function subscriberFindings(topicArn: string, place: Place): Promise<readonly Finding[]> {
  const { findSubscribers } = await import('./topic-subscribers.ts');
  const subscribers = await findSubscribers(topicArn, place);
  if (subscribers.length === 0) {
    return [
      note('Nobody hears of alarms.', 'Write "alarmEmails" into cdk.json, and npx cdk deploy'),
    ];
  }
  return subscribers.map(({ endpoint, protocol, isConfirmed }) =>
    isConfirmed
      ? well(`${endpoint} hears of alarms (${protocol}).`)
      : note(
          `${endpoint} hears nothing yet: the link in SNS's mail was not followed.`,
          `aws sns subscribe --topic-arn ${topicArn} --protocol ${protocol} --notification-endpoint ${endpoint}`,
        ),
  );
}

const QUEUES = [
  ['FailedRunsQueueUrl', 'run', 'that failed', 'docs/runbook.md#failed-runs'],
  ['UndeliveredTicksQueueUrl', 'tick', 'that did not arrive', 'docs/runbook.md#undelivered-ticks'],
] as const;

const queues: Examination = {
  title: 'What failed before',
  doing: 'Looking into the queues',
  examine: async ({ deployment: { outputs }, place }) => {
    const { GetQueueAttributesCommand, SQSClient } = await import('@aws-sdk/client-sqs');
    const client = new SQSClient(place.client);
    return Promise.all(
      QUEUES.map(async ([output, what, which, section]) => {
        const QueueUrl = outputs.get(output);
        if (QueueUrl === undefined)
          return wrong(`The stack has no output ${output}.`, 'npx cdk deploy');
        const { Attributes = {} } = await client.send(
          new GetQueueAttributesCommand({
            QueueUrl,
            AttributeNames: ['ApproximateNumberOfMessages'],
          }),
        );
        const count = Number(Attributes.ApproximateNumberOfMessages ?? 0);
        return count === 0
          ? well(`No ${what}s ${which}.`)
          : wrong(
              count === 1
                ? `1 ${what} ${which} waits for a person.`
                : `${count} ${what}s ${which} wait for a person.`,
              section,
            );
      }),
    );
  },
};

export const EXAMINATIONS: readonly Examination[] = [
  deployment,
  keys,
  tokenEndpoint,
  alarms,
  queues,
  clocks,
];
