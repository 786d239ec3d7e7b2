// What the web SDK says went wrong. It returns errors as responses, or throws them if it is configured to.

/** Such as `AUTHENTICATION_ERROR`; undefined for what is no error of the SDK. */
export function errorCodeOf(answer: unknown): string | undefined {
  const { errorCode } = Object(answer) as { readonly errorCode?: unknown };
  return typeof errorCode === 'function' ? String(errorCode.call(answer)) : undefined;
}

/** Momento refused the token itself, before the call had any effect. */
export const isTokenRefused = (answer: unknown): boolean =>
  errorCodeOf(answer) === 'AUTHENTICATION_ERROR';
