// The stack's alarms, as CloudWatch has them.

import type { Place } from './place.ts';

export interface Alarm {
  readonly name: string;
  readonly state: 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
  /** Epoch milliseconds. */
  readonly sinceMs: number | undefined;
  /** What happened, without the section. */
  readonly sentence: string;
  /** `docs/runbook.md#rotation-failed`; undefined for an alarm of somebody else's. */
  readonly section: string | undefined;
}

/** Throws AWS's own errors. */
export async function findAlarms(stackName: string, place: Place): Promise<readonly Alarm[]> {
  const { CloudWatchClient, paginateDescribeAlarms } = await import('@aws-sdk/client-cloudwatch');
  const found: Alarm[] = [];
  const pages = paginateDescribeAlarms(
    { client: new CloudWatchClient(place.client) },
    { AlarmNamePrefix: `${stackName}-Alarms`, AlarmTypes: ['MetricAlarm'] },
  );
  for await (const { MetricAlarms = [] } of pages) {
    for (const { AlarmName = '', AlarmDescription = '', ...alarm } of MetricAlarms) {
      found.push({
        name: AlarmName,
        state: alarm.StateValue ?? 'INSUFFICIENT_DATA',
        sinceMs: (alarm.StateTransitionedTimestamp ?? alarm.StateUpdatedTimestamp)?.getTime(),
        ...described(AlarmDescription),
      });
    }
  }
  return found;
}

/** What a description says, and where it is ended. */
export function described(description: string): Pick<Alarm, 'sentence' | 'section'> {
  const [, sentence = description, section] =
    /^(.*?)\s*See (docs\/runbook\.md#[a-z0-9-]+)\s*$/s.exec(description) ?? [];
  return { sentence, section };
}
