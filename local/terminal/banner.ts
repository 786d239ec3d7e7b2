// What a person reads first: what runs where, and what to type next.

import { nameOf } from '../delivery.ts';
import type { LocalStack } from '../stack.ts';
import type { Colours } from './timeline.ts';

export interface BannerOptions {
  readonly colours: Colours;
  readonly timeScale: number;
}

export function banner(stack: LocalStack, { colours, timeScale }: BannerOptions): string {
  const { bold, dim, cyan, yellow } = colours;
  const { assembly, aws, momentoServer, operator, busyPorts, adjusted } = stack;
  const row = (name: string, what: string, more: string) =>
    `  ${bold(name.padEnd(9))}${what.padEnd(26)}${dim(more)}`;
  const rules = assembly.rules.flatMap(({ scheduleExpression }) => scheduleExpression ?? []);
  const secretArn = stack.output('ApiKeySecretArn');
  const functionName = stack.output('RotateKeyFunctionName');
  const force = JSON.stringify({ secretId: secretArn, force: true });
  return [
    '',
    bold('  Momento auth stack, on this machine'),
    '',
    row('AWS', aws.url, 'Secrets Manager, EventBridge, SQS, Lambda, STS'),
    row('Momento', momentoServer.endpoint, 'gRPC: auth, token, control'),
    row(
      'Stack',
      assembly.deployment.stackName,
      `${assembly.functions.map(({ name }) => name).join(', ')}: ${rules.join(', ')}, here ${timeScale} times faster`,
    ),
    ...busyPorts.map((port) => yellow(`  Port ${port} is busy: another one was taken, see above.`)),
    ...adjusted.map(({ variable, inTemplate, here }) =>
      dim(
        `  ${variable} is ${here} here and ${inTemplate} in the template, as the schedule runs faster.`,
      ),
    ),
    '',
    '  In another terminal:',
    cyan(
      `    export AWS_ENDPOINT_URL=${aws.url} AWS_REGION=${assembly.deployment.region} AWS_ACCESS_KEY_ID=${operator.accessKeyId} AWS_SECRET_ACCESS_KEY=${operator.secretAccessKey}`,
    ),
    cyan(`    aws secretsmanager get-secret-value --secret-id ${nameOf(secretArn).slice(0, -7)}`),
    cyan(
      `    aws lambda invoke --function-name ${functionName} --cli-binary-format raw-in-base64-out --payload '${force}' /dev/stdout`,
    ),
    '',
    dim('  Ctrl-C ends it.'),
    '',
    '',
  ].join('\n');
}
