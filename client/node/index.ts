// For applications: `import { rotatingCredentials } from 'momento-auth-client/node'`. See docs/applications.md.

export type { TopicGap } from '../browser/splice.ts';
export { isAuthenticationError } from './authentication-error.ts';
export type { Clock } from './clock.ts';
export { CredentialsFailure, type CredentialsFailureCode } from './credentials-failure.ts';
export type { CurrentKey, SecretReader } from './current-key.ts';
export {
  type Follows,
  type FollowTopicOptions,
  followTopic,
  type SubscribingClient,
  type TopicHandlers,
} from './follow-topic.ts';
export type { Start, Stop } from './follower.ts';
export {
  type ClientOptions,
  type CredentialsEvent,
  type KeyOptions,
  type RotatingCredentials,
  rotatingCredentials,
} from './rotating-credentials.ts';
