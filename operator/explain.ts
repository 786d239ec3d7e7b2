// What an error means for the person who typed the command.

import { field } from '../lambda/shared/field.ts';
import { SecretFailure } from '../lambda/shared/secret-versions.ts';
import { type Place, typed } from './place.ts';
import { Problem } from './problem.ts';

const ALLOWING =
  'Ask whoever manages the account to allow it (docs/operator.md#permissions), or choose a profile with --profile';

export type Whereabouts = Pick<Place, 'options' | 'isLocal'>;

/** Never throws. Problems stay as they are. */
export function explain(error: unknown, place: Whereabouts): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof SecretFailure) return secretProblem(error, place);
  const { name, message } = named(error);
  const problem = (sentence: string, next?: string) =>
    new Problem(sentence, { next, cause: error });

  if (/^Region is missing/.test(message)) {
    return problem(
      'No AWS Region is configured.',
      `Add --region, as --region eu-west-1, or: export AWS_REGION=eu-west-1`,
    );
  }
  if (/^Region not accepted/.test(message)) {
    return problem('There is no such AWS Region.', 'Write it as --region eu-west-1');
  }
  if (/^(CredentialsProviderError|TokenProviderError)$/.test(name)) {
    const [, profile] = / --profile (\S+)/.exec(place.options) ?? [];
    return problem(
      `There are no AWS credentials that work${profile === undefined ? '' : ` in the profile ${profile}`}: ${message}`,
      'aws login, aws sso login or aws configure; or choose a profile with --profile. For the stack of npm start: --local',
    );
  }
  if (/^Expired|^RequestExpired|ExpiredToken/.test(name)) {
    return problem(
      'Your AWS credentials have expired.',
      'Log in again: aws login, or aws sso login',
    );
  }
  if (
    /^(InvalidClientTokenId|UnrecognizedClientException|InvalidSignatureException|SignatureDoesNotMatch|InvalidAccessKeyId)$/.test(
      name,
    )
  ) {
    return problem(
      `AWS does not take your credentials: ${message}`,
      place.isLocal
        ? 'Was the local stack started anew? Try again, with the lines that it shows now or with --local.'
        : 'Log in again, or choose a profile with --profile',
    );
  }
  if (/^AccessDenied/.test(name)) {
    return problem(`Your AWS credentials may not do this: ${message}`, ALLOWING);
  }
  if (isNetwork(error)) {
    return problem(
      place.isLocal
        ? 'The local stack does not answer any more.'
        : `AWS cannot be reached: ${message || name}`,
      place.isLocal
        ? 'npm start    # in another terminal'
        : 'Look at the network and at --region, and try again.',
    );
  }
  return problem(`${name}: ${message}`, typed('doctor', place));
}

function secretProblem(failure: SecretFailure, place: Whereabouts): Problem {
  const { cause } = failure;
  switch (failure.code) {
    case 'access-denied':
      return new Problem(
        `Your AWS credentials may not do this with the secret: ${named(cause).message}`,
        {
          next: ALLOWING,
          cause: failure,
        },
      );
    case 'kms-unusable':
      return new Problem(
        `Your AWS credentials may not use the KMS key of the secret: ${named(cause).message}`,
        {
          next: "Allow it in your policy (docs/operator.md#permissions) and in the key's policy, or choose a profile with --profile",
          cause: failure,
        },
      );
    case 'secrets-manager-unavailable':
      // Credentials and networks fail inside of it.
      return named(cause).name === 'Error' && !isNetwork(cause)
        ? new Problem(failure.message, { cause: failure, next: 'Try again.' })
        : explain(cause, place);
    default:
      return new Problem(failure.message, { cause: failure });
  }
}

/** By its shape: errors of other realms and of the SDK are no `Error` of ours. */
export function named(error: unknown): { readonly name: string; readonly message: string } {
  const name = field(error, 'name');
  const message = field(error, 'message');
  return {
    name: typeof name === 'string' ? name : 'Error',
    message: typeof message === 'string' ? message : String(error),
  };
}

function isNetwork(error: unknown): boolean {
  const code = field(error, 'code');
  return (
    /^(TimeoutError|NetworkingError)$/.test(named(error).name) ||
    (typeof code === 'string' &&
      /^(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|EPIPE)$/.test(code))
  );
}
