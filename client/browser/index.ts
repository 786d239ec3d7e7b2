// momento-auth-client/browser: a Momento token that lives, and clients that follow it.

export {
  type FollowOptions,
  followTopic,
  type SubscribingClient,
  type TopicFollower,
  type TopicHandlers,
} from './follow-topic.ts';
export { type MovingClient, type MovingClientOptions, movingClient } from './moving-client.ts';
export type { MomentoToken } from './request-token.ts';
export type { TopicGap } from './splice.ts';
export type { Surroundings } from './surroundings.ts';
export { MomentoTokenError, type TokenErrorCode } from './token-error.ts';
export {
  type LoginQuestion,
  type MomentoTokenProvider,
  type MomentoTokenProviderOptions,
  momentoTokenProvider,
  type TokenState,
  type TokenStatus,
} from './token-provider.ts';
