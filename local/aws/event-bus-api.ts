// EventBridge on the wire: PutEvents, allowed per entry by bus, source and detail type.

import * as v from 'valibot';
import type { EventBus } from './event-bus.ts';
import { operation, type Service, timestamp } from './service.ts';

const text = v.optional(v.string());

export function eventBusService(bus: EventBus): Service {
  return {
    target: 'AWSEvents',
    signingName: 'events',
    jsonVersion: '1.1',
    operations: {
      PutEvents: operation(
        v.object({
          Entries: v.array(
            v.object({
              Time: v.optional(timestamp),
              Source: text,
              Resources: v.optional(v.array(v.string())),
              DetailType: text,
              Detail: text,
              EventBusName: text,
            }),
          ),
        }),
        {
          demands: ({ Entries }) =>
            Entries.map((entry) => ({
              action: 'events:PutEvents',
              resource: bus.arnOf(entry.EventBusName),
              context: { 'events:source': entry.Source, 'events:detail-type': entry.DetailType },
            })),
          perform: (input) => bus.putEvents(input),
        },
      ),
    },
  };
}
