// The topics of one cache as a synchronous state machine: sequence numbers, the latest items, subscribers.
//
// Nothing is stored for a topic but its latest items, so that a subscriber who was cut off can go on
// where he was. A cache that is made anew has a new sequence page, by which he learns that its numbers
// are not those he knows.

import type { MomentoRefusal } from './refusal.ts';

const KEPT_ITEMS = 1000;

export interface TopicItem {
  /** 1 for the first item of a topic on a page. */
  readonly sequenceNumber: number;
  readonly sequencePage: number;
  readonly value: string | Uint8Array;
  /** The `tokenId` of the publisher's token; empty if it has none. */
  readonly publisherId: string;
}

/** Some items are gone for this subscriber: the next one is the one after `newSequenceNumber`. */
export interface Discontinuity {
  readonly lastSequenceNumber: number;
  readonly newSequenceNumber: number;
  readonly newSequencePage: number;
}

/** Must not throw. */
export interface Subscriber {
  item(item: TopicItem): void;
  discontinuity(gap: Discontinuity): void;
  /** The topics are gone. */
  end(reason: MomentoRefusal): void;
}

/** The first item wanted; a number of 0 for whatever comes next, a page of 0 if none is known. */
export interface Position {
  readonly sequenceNumber: number;
  readonly sequencePage: number;
}

interface Topic {
  lastSequenceNumber: number;
  /** The latest, oldest first. */
  items: TopicItem[];
  readonly subscribers: Set<Subscriber>;
}

export class Topics {
  readonly #sequencePage: number;
  readonly #topics = new Map<string, Topic>();

  /** @param sequencePage 1 or more, and another one for each cache that was ever made */
  constructor(sequencePage: number) {
    this.#sequencePage = sequencePage;
  }

  publish(topicName: string, value: string | Uint8Array, publisherId: string): void {
    const topic = this.#topic(topicName);
    topic.lastSequenceNumber += 1;
    const item: TopicItem = {
      sequenceNumber: topic.lastSequenceNumber,
      sequencePage: this.#sequencePage,
      value,
      publisherId,
    };
    topic.items = [...topic.items, item].slice(-KEPT_ITEMS);
    for (const subscriber of [...topic.subscribers]) subscriber.item(item);
  }

  /** Tells what the subscriber missed before it returns how to unsubscribe. */
  subscribe(topicName: string, from: Position, subscriber: Subscriber): () => void {
    const topic = this.#topic(topicName);
    if (from.sequenceNumber > 0) this.#catchUp(topic, from, subscriber);
    topic.subscribers.add(subscriber);
    return () => topic.subscribers.delete(subscriber);
  }

  /** Ends every subscription. */
  end(reason: MomentoRefusal): void {
    for (const { subscribers } of this.#topics.values()) {
      for (const subscriber of [...subscribers]) subscriber.end(reason);
      subscribers.clear();
    }
  }

  #catchUp(topic: Topic, from: Position, subscriber: Subscriber): void {
    const samePage = from.sequencePage === 0 || from.sequencePage === this.#sequencePage;
    const oldest = topic.lastSequenceNumber - topic.items.length + 1;
    const next = topic.lastSequenceNumber + 1;
    const known = samePage && from.sequenceNumber >= oldest && from.sequenceNumber <= next;
    // Numbers of another page are not comparable: all that is kept is new to him.
    const first = known ? from.sequenceNumber : oldest;
    if (!known) {
      subscriber.discontinuity({
        lastSequenceNumber: from.sequenceNumber - 1,
        newSequenceNumber: first - 1,
        newSequencePage: this.#sequencePage,
      });
    }
    for (const item of topic.items) {
      if (item.sequenceNumber >= first) subscriber.item(item);
    }
  }

  #topic(name: string): Topic {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      topic = { lastSequenceNumber: 0, items: [], subscribers: new Set() };
      this.#topics.set(name, topic);
    }
    return topic;
  }
}
