import { setTimeout as sleep } from 'node:timers/promises';
import { type TopicClient, type TopicItem, TopicSubscribe } from '@gomomento/sdk';
import type { RotatingCredentials } from '../../../client/node/index.ts';

/** Calls `receive` with each item once. Resolves, when it is subscribed, with what ends it. */
export function receiveItems(
  momento: RotatingCredentials<TopicClient>,
  cache: string,
  topic: string,
  receive: (item: TopicItem) => void,
): Promise<() => Promise<void>> {
  // Around a rotation two subscriptions are alive, and an item comes over both.
  const seen = new Set<number>();
  const onItem = (item: TopicItem) => {
    if (seen.has(item.sequenceNumber())) return;
    seen.add(item.sequenceNumber());
    const [oldest] = seen;
    if (seen.size > 1_000 && oldest !== undefined) seen.delete(oldest);
    receive(item);
  };
  return momento.follow(async (topics, lost) => {
    const subscription = await topics.subscribe(cache, topic, {
      onItem,
      onError: (error) => {
        // A cache that is made anew counts from 1 again.
        seen.clear();
        lost(error);
      },
    });
    if (subscription instanceof TopicSubscribe.Error) throw subscription.innerException();
    return async () => {
      // What is still on its way over the old connection.
      await sleep(1_000);
      subscription.unsubscribe();
    };
  });
}
