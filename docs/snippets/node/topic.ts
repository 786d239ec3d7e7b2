import type { TopicClient } from '@gomomento/sdk';
import { followTopic, type RotatingCredentials } from '../../../client/node/index.ts';

/** Resolves, when it is subscribed, with what ends it. */
export const receiveEvents = (
  momento: RotatingCredentials<TopicClient>,
  tenantId: string,
  receive: (text: string) => void,
  loadAnew: () => void,
): Promise<() => Promise<void>> =>
  followTopic(momento, 'collaboration', `${tenantId}-events`, {
    onItem: (item) => receive(item.valueString()),
    onGap: loadAnew,
    onError: console.error,
  });
