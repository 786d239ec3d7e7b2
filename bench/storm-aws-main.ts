// The AWS of a storm, in a process of its own: the local stack with the vending key in its secret. Its Momento is
// not used.
//   parent ─► what to start ─► told: the function as it is to be run ─► parent leaves, it ends

import { randomUUID } from 'node:crypto';
import { startLocalStack } from '../local/stack.ts';
import type { AwsDescribed, AwsWanted } from './storm-stand-ins.ts';

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

process.once('message', async ({ assemblyDirectory, key }: AwsWanted) => {
  const stack = await startLocalStack({ assemblyDirectory });
  process.once('disconnect', () => void stack.close());
  stack.secrets.putSecretValue({
    SecretId: stack.output('ApiKeySecretArn'),
    SecretString: key,
    ClientRequestToken: randomUUID(),
  });
  const name = stack.output('VendTokenFunctionName');
  const vendToken = stack.functions.find(({ definition }) => definition.name === name);
  if (vendToken === undefined) throw new Error(`The template has no function ${name}.`);
  const { definition, credentials } = vendToken;
  process.send?.({ url: stack.aws.url, definition, credentials } satisfies AwsDescribed);
});
