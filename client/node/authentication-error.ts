// Whether what came of a call says that Momento refused the key. The SDK returns such errors, or throws them
// where it is configured so; applications wrap them.

const AUTHENTICATION_ERROR = 'AUTHENTICATION_ERROR';
const DEEPEST_CAUSE = 5;

/** For a response of the Momento SDK, an error of it, or an error with one of them as its cause. */
export function isAuthenticationError(outcome: unknown): boolean {
  let said: unknown = outcome;
  for (let depth = 0; depth <= DEEPEST_CAUSE; depth += 1) {
    if (typeof said !== 'object' || said === null) return false;
    if ('errorCode' in said && typeof said.errorCode === 'function') {
      return said.errorCode() === AUTHENTICATION_ERROR;
    }
    // Of errors alone: a value that an application read from a cache may have a field of that name.
    if (!isError(said) || !('cause' in said)) return false;
    said = said.cause;
  }
  return false;
}

/** Not `instanceof`: an error may come from another realm. */
const isError = (value: object): boolean =>
  value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
