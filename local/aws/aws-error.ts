// The one error of this room: an AWS error name, AWS's words, and the status it travels with.

/**
 * An answer that AWS would refuse with. `name` is the wire's error type, as the SDK and `aws` show it.
 *
 * Never put a secret value, or any other text of a request body, into `message`: it goes to
 * terminals and logs.
 */
export class AwsError extends Error {
  readonly status: number;
  /** The older code that SQS also sends, for clients of its query protocol. */
  readonly queryCode: string | undefined;

  constructor(
    name: string,
    message: string,
    options: { status?: number; queryCode?: string; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = name;
    this.status = options.status ?? 400;
    this.queryCode = options.queryCode;
  }
}

/** A parameter outside what the service's model allows. */
export function invalidParameter(message: string): AwsError {
  return new AwsError('InvalidParameterException', message);
}

/** A request that the present state of the resource does not allow. */
export function invalidRequest(message: string): AwsError {
  return new AwsError('InvalidRequestException', message);
}

export function resourceNotFound(message: string): AwsError {
  return new AwsError('ResourceNotFoundException', message);
}

export function validationFailed(message: string): AwsError {
  return new AwsError('ValidationException', message);
}
