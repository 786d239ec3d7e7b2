// Who hears of the alarms: SNS's ListSubscriptionsByTopic, signed with the SDK's own signer, and asked where the SDK
// would ask. One question is not worth one more client of the SDK.

import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';
import type { Place } from './place.ts';
import { Problem } from './problem.ts';
import { reach } from './reach.ts';

export interface Subscriber {
  readonly protocol: string;
  readonly endpoint: string;
  readonly isConfirmed: boolean;
}

/** Throws `Problem`, or AWS's own errors. The first hundred, which is all that SNS tells at once. */
export async function findSubscribers(
  topicArn: string,
  place: Place,
): Promise<readonly Subscriber[]> {
  const { STSClient } = await import('@aws-sdk/client-sts');
  const { config } = new STSClient(place.client);
  const [, partition = 'aws', , region = ''] = topicArn.split(':');
  const url = new URL(
    place.client.endpoint ||
      process.env.AWS_ENDPOINT_URL_SNS ||
      process.env.AWS_ENDPOINT_URL ||
      `https://sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`,
  );
  const body = new URLSearchParams({
    Action: 'ListSubscriptionsByTopic',
    Version: '2010-03-31',
    TopicArn: topicArn,
  }).toString();
  const signer = new SignatureV4({
    service: 'sns',
    region,
    credentials: config.credentials,
    sha256: Sha256,
  });
  const signed = await signer.sign({
    method: 'POST',
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port !== '' && { port: Number(url.port) }),
    path: '/',
    query: {},
    headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
    body,
  });
  const answer = await reach(url, { method: 'POST', headers: signed.headers, body }, place);
  const xml = await answer.text();
  if (!answer.ok) {
    throw new Problem(`SNS refused: ${element(xml, 'Code')}: ${element(xml, 'Message')}`);
  }
  return readSubscribers(xml);
}

/** Pure. */
export const readSubscribers = (xml: string): readonly Subscriber[] =>
  [...xml.matchAll(/<member>(.*?)<\/member>/gs)].map(([, member = '']) => ({
    protocol: element(member, 'Protocol'),
    endpoint: element(member, 'Endpoint'),
    // Until then SNS writes a word for the ARN.
    isConfirmed: element(member, 'SubscriptionArn').startsWith('arn:'),
  }));

const element = (xml: string, name: string): string =>
  new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(xml)?.[1] ?? '';
