// A stack stands in one Region, and its functions call nothing in another: configured ARNs must agree.
import type { Config } from './config.ts';
import type { ConfigIssue } from './config-error.ts';

/** Every ARN that lies in another Region than the first one does. */
export function regionIssues(
  {
    keys,
    eventBusArn,
    discoverKeysByTag,
  }: Pick<Config, 'keys' | 'eventBusArn' | 'discoverKeysByTag'>,
  root: string,
): readonly ConfigIssue[] {
  const arns = [
    ...keys.flatMap(({ secretArn, kmsKeyArn }, index) => [
      { path: `${root}.keys[${index}].secretArn`, arn: secretArn },
      { path: `${root}.keys[${index}].kmsKeyArn`, arn: kmsKeyArn },
    ]),
    ...(discoverKeysByTag?.kmsKeyArns ?? []).map((arn, index) => ({
      path: `${root}.discoverKeysByTag.kmsKeyArns[${index}]`,
      arn,
    })),
    { path: `${root}.eventBusArn`, arn: eventBusArn },
  ].flatMap(({ path, arn }) => (arn ? [{ path, arn, region: arn.split(':')[3] ?? '' }] : []));
  const [first] = arns;
  return arns
    .filter(({ region }) => region !== first?.region)
    .map(({ path, arn }) => ({
      path,
      got: JSON.stringify(arn),
      remedy: `name one in ${first?.region}, where ${first?.path} is: a stack calls nothing in another Region`,
    }));
}
