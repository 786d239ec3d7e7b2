// Keys in the forms that Momento hands out, for tests. Signed by nobody.

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export const jwt = (claims: Record<string, unknown>): string =>
  `${encode({ alg: 'HS256' })}.${encode(claims)}.c2lnbmF0dXJl`;

export const v1Key = (
  claims: Record<string, unknown> = {},
  endpoint = 'cell-1.prod.momentohq.com',
): string =>
  Buffer.from(
    JSON.stringify({ endpoint, api_key: jwt({ sub: 'account', ver: 1, ...claims }) }),
  ).toString('base64');
