// Our signatures are those of the SDK's signer, whatever is signed.

import { Sha256 } from '@aws-crypto/sha256-js';
import { expect, test } from '@jest/globals';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { signedHeaders } from '../../../lambda/vend-token/sigv4.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 200 });
const word = fc.stringMatching(/^[A-Za-z0-9/+=]{16,40}$/);

test('1,000 requests of any body, time, Region and credentials', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        service: fc.constantFrom('secretsmanager', 'dynamodb'),
        region: fc.constantFrom('us-east-1', 'eu-central-2', 'cn-north-1'),
        accessKeyId: fc.stringMatching(/^[A-Z0-9]{20}$/),
        secretAccessKey: word,
        sessionToken: fc.option(word, { nil: undefined }),
        body: text,
        target: fc.stringMatching(/^[A-Za-z]{1,30}\.[A-Za-z]{1,30}$/),
        atMs: fc.integer({ min: 0, max: 4e12 }),
      }),
      async ({ service, region, body, target, atMs, sessionToken, ...keys }) => {
        const credentials = { ...keys, ...(sessionToken !== undefined && { sessionToken }) };
        const headers = {
          host: `${service}.${region}.amazonaws.com`,
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': target,
        };
        const signer = new SignatureV4({
          service,
          region,
          credentials,
          sha256: Sha256,
          applyChecksum: false,
        });
        const byTheSdk = await signer.sign(
          {
            method: 'POST',
            protocol: 'https:',
            hostname: headers.host,
            path: '/',
            headers,
            body,
          },
          { signingDate: new Date(atMs) },
        );
        expect(signedHeaders({ service, region, credentials, headers, body, atMs })).toEqual(
          byTheSdk.headers,
        );
      },
    ),
    { numRuns: 1_000 },
  );
});
