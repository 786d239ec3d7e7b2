// The topics service. A subscription lives as long as its credential may subscribe, and not a heartbeat longer.

import { cache_client } from '@gomomento/generated-types/dist/cachepubsub.js';
import { common } from '@gomomento/generated-types/dist/common.js';
import type { MomentoAccount } from './account.ts';
import type { After } from './after.ts';
import type { Method, Methods } from './calls.ts';
import { MomentoRefusal } from './refusal.ts';
import type { TopicItem } from './topics.ts';

const {
  UnimplementedPubsubService,
  _Discontinuity,
  _Heartbeat,
  _SubscriptionItem,
  _TopicItem,
  _TopicValue,
} = cache_client.pubsub;

export interface TopicsServiceOptions {
  readonly after: After;
  /** From one heartbeat of a subscription to the next. The first comes at once: the SDK waits for it. */
  readonly heartbeatMs: number;
}

export function topicsService(
  account: MomentoAccount,
  { unary, stream }: Methods,
  { after, heartbeatMs }: TopicsServiceOptions,
): Method[] {
  const { definition } = UnimplementedPubsubService;
  return [
    unary(definition.Publish, ({ cache_name, topic: topicName, value }, { callerKey }) => {
      const { topics, credential } = account.openTopic(callerKey, {
        operation: 'publish',
        cacheName: cache_name,
        topicName,
      });
      if (value === undefined || value.kind === 'none') {
        throw new MomentoRefusal('INVALID_ARGUMENT', 'There is nothing to publish');
      }
      topics.publish(
        topicName,
        value.kind === 'text' ? value.text : value.binary,
        credential.tokenId,
      );
      return new common._Empty();
    }),

    stream(definition.Subscribe, (request, { callerKey }, answer) => {
      const open = () =>
        account.openTopic(callerKey, {
          operation: 'subscribe',
          cacheName: request.cache_name,
          topicName: request.topic,
        });
      const { topics, credential } = open();

      /** Asked before every word: the key may have died since the last. */
      const whileAllowed = (speak: () => void) => {
        try {
          open();
        } catch (error) {
          if (!(error instanceof MomentoRefusal)) throw error;
          answer.end(error);
          return;
        }
        speak();
      };
      const heartbeat = () =>
        answer.message(new _SubscriptionItem({ heartbeat: new _Heartbeat() }));

      heartbeat();
      const unsubscribe = topics.subscribe(
        request.topic,
        {
          sequenceNumber: request.resume_at_topic_sequence_number,
          sequencePage: request.sequence_page,
        },
        {
          item: (item) => whileAllowed(() => answer.message(messageOf(item))),
          discontinuity: (gap) =>
            answer.message(
              new _SubscriptionItem({
                discontinuity: new _Discontinuity({
                  last_topic_sequence: gap.lastSequenceNumber,
                  new_topic_sequence: gap.newSequenceNumber,
                  new_sequence_page: gap.newSequencePage,
                }),
              }),
            ),
          end: (reason) => answer.end(reason),
        },
      );
      const stopHeartbeats = every(
        after,
        () => heartbeatMs,
        () => whileAllowed(heartbeat),
      );
      const stopWatch = every(
        after,
        () => account.remainingMs(credential),
        () => whileAllowed(() => {}),
      );
      return () => {
        unsubscribe();
        stopHeartbeats();
        stopWatch();
      };
    }),
  ];
}

/** Again and again, each time after what is the time then; not at all if that is for ever. */
function every(after: After, delayMs: () => number, run: () => void): () => void {
  let stopped = false;
  let cancel = () => {};
  const next = () => {
    const delay = delayMs();
    if (delay === Number.POSITIVE_INFINITY) return;
    cancel = after(delay, () => {
      run();
      if (!stopped) next();
    });
  };
  next();
  return () => {
    stopped = true;
    cancel();
  };
}

function messageOf(item: TopicItem) {
  return new _SubscriptionItem({
    item: new _TopicItem({
      topic_sequence_number: item.sequenceNumber,
      sequence_page: item.sequencePage,
      publisher_id: item.publisherId,
      value: new _TopicValue(
        typeof item.value === 'string' ? { text: item.value } : { binary: item.value },
      ),
    }),
  });
}
