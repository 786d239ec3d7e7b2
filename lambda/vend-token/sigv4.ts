// Signature Version 4 of a POST to `/`, which is all that AWS's JSON protocols need. The SDK's signer is general
// and costs start-up time; a test compares the two.
// Source: IAM User Guide, "Create a signed AWS API request".

import { createHmac, hash } from 'node:crypto';
import type { AwsCredentials } from './aws-credentials.ts';

export interface SignedPost {
  /** `secretsmanager`, `dynamodb` … */
  readonly service: string;
  readonly region: string;
  readonly credentials: AwsCredentials;
  /** Lower-case names, `host` among them; all are signed. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Epoch milliseconds: by AWS's clock it may be five minutes off. */
  readonly atMs: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** The headers with the signature among them. */
export function signedHeaders(post: SignedPost): Record<string, string> {
  const { service, region, credentials, body, atMs } = post;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  // 20260301T120000Z
  const time = new Date(atMs).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const date = time.slice(0, 8);
  const headers: Record<string, string> = {
    ...post.headers,
    'x-amz-date': time,
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]?.trim()}\n`).join('');
  const canonicalRequest = `POST\n/\n\n${canonicalHeaders}\n${names.join(';')}\n${sha256(body)}`;
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = `${ALGORITHM}\n${time}\n${scope}\n${sha256(canonicalRequest)}`;
  const key = [date, region, service, 'aws4_request'].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part).digest(),
    `AWS4${secretAccessKey}`,
  );
  const signature = hmac(key, toSign).digest('hex');
  headers.authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return headers;
}

const sha256 = (text: string): string => hash('sha256', text);
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text);
