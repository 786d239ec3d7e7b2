// `aws sts get-caller-identity`: who this server takes the caller for, over the older query protocol.

import { AwsError } from './aws-error.ts';
import { escapeXml } from './query-protocol.ts';

/**
 * The answer's XML.
 * @param form the request's fields
 * @throws AwsError InvalidAction for anything but GetCallerIdentity
 */
export function answerSts(
  form: URLSearchParams,
  caller: { principalArn: string; accountId: string; accessKeyId: string; requestId: string },
): string {
  const action = form.get('Action') ?? '';
  if (action !== 'GetCallerIdentity') {
    throw new AwsError(
      'InvalidAction',
      `Could not find operation ${action} for version 2011-06-15`,
    );
  }
  const session = caller.principalArn.split('/').at(-1) ?? '';
  const userId = caller.principalArn.includes(':assumed-role/')
    ? `AROA${caller.accessKeyId.slice(4)}:${session}`
    : `AIDA${caller.accessKeyId.slice(4)}`;
  return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>${escapeXml(caller.principalArn)}</Arn><UserId>${escapeXml(userId)}</UserId><Account>${escapeXml(caller.accountId)}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>${escapeXml(caller.requestId)}</RequestId></ResponseMetadata></GetCallerIdentityResponse>`;
}

/** An error in the query protocol's XML. */
export function xmlError(error: AwsError, requestId: string): string {
  return `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${escapeXml(error.name)}</Code><Message>${escapeXml(error.message)}</Message></Error><RequestId>${escapeXml(requestId)}</RequestId></ErrorResponse>`;
}
