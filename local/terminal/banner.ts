// What a person reads first: what runs where, and what to type next.

import { nameOf } from '../delivery.ts';
import type { LocalStack } from '../stack.ts';
import type { Colours } from './timeline.ts';

export interface BannerOptions {
  readonly colours: Colours;
  readonly timeScale: number;
  readonly page: { readonly url: string; readonly busy: number | undefined };
}

export function banner(stack: LocalStack, { colours, timeScale, page }: BannerOptions): string {
  const { bold, dim, cyan, yellow } = colours;
  const { assembly, aws, momentoServer, busyPorts, adjusted, tokenEndpoint } = stack;
  const row = (name: string, what: string, more: string) =>
    `  ${bold(name.padEnd(9))}${what.padEnd(30)}${dim(more)}`;
  const rules = assembly.rules.flatMap(({ scheduleExpression }) => scheduleExpression ?? []);
  const faster = timeScale === 1 ? '' : `, here ${timeScale} times faster`;
  return [
    '',
    bold('  Momento auth stack, on this machine'),
    '',
    row('Page', page.url, 'keys on a time line, log in, try it, break it'),
    row('AWS', aws.url, 'Secrets Manager, EventBridge, SQS, Lambda, CloudWatch, SNS'),
    row('Momento', momentoServer.endpoint, 'gRPC: auth, token, control'),
    ...(tokenEndpoint === undefined
      ? []
      : [row('Tokens', tokenEndpoint.url, 'POST, with a login token')]),
    row('Stack', assembly.deployment.stackName, `${rules.join(', ')}${faster}`),
    ...[...busyPorts, ...(page.busy === undefined ? [] : [page.busy])].map((port) =>
      yellow(`  Port ${port} is somebody else's: see above for the one that was taken.`),
    ),
    ...adjusted.map(({ variable, here }) =>
      dim(`  ${variable}=${here} for the functions, as their schedule runs faster.`),
    ),
    '',
    '  In another terminal:',
    ...commands(stack).map((command) => cyan(`    ${command}`)),
    ...loginCommands(stack).map((command) => cyan(`    ${command}`)),
    '',
    dim('  Ctrl-C ends it.'),
    '',
    '',
  ].join('\n');
}

/** Ready to paste, for version 1 and version 2 of the `aws` CLI alike. */
export function commands({ assembly, aws, operator, output, tokenEndpoint }: LocalStack): string[] {
  const { region } = assembly.deployment;
  const secretId = nameOf(output('ApiKeySecretArn')).slice(0, -7);
  return [
    `export AWS_ENDPOINT_URL=${aws.url} AWS_REGION=${region} AWS_DEFAULT_REGION=${region}`,
    `export AWS_ACCESS_KEY_ID=${operator.accessKeyId}`,
    `export AWS_SECRET_ACCESS_KEY=${operator.secretAccessKey}; unset AWS_SESSION_TOKEN`,
    // The output says where a deployed one would be.
    ...(tokenEndpoint === undefined ? [] : [`export LOCAL_TOKEN_ENDPOINT=${tokenEndpoint.url}`]),
    `aws secretsmanager get-secret-value --secret-id ${secretId}`,
    `echo '{"secretId":"${secretId}","force":true}' > now.json`,
    `aws lambda invoke --payload fileb://now.json \\`,
    `  --function-name ${output('RotateKeyFunctionName')} /dev/stdout`,
    ...(assembly.alarms.length === 0
      ? []
      : [
          `aws cloudwatch describe-alarms --output text \\`,
          `  --query 'MetricAlarms[].[StateValue,AlarmDescription]'`,
        ]),
  ];
}

/** A login and a token for each demonstration user. */
export function loginCommands({ tokenEndpoint }: LocalStack): string[] {
  const identity = tokenEndpoint?.identity;
  if (tokenEndpoint === undefined || identity === undefined) return [];
  return [
    '',
    `login() { curl -s ${identity.loginUrl} -H 'content-type: application/json' -d "{\\"user\\":\\"$1\\"}" | sed 's/.*"idToken":"\\([^"]*\\)".*/\\1/'; }`,
    ...identity.users.map(
      ({ name }) =>
        `curl -s -X POST ${tokenEndpoint.url} -H "Authorization: Bearer $(login ${name})"`,
    ),
  ];
}
