// Reads an EventBridge schedule expression and tells the longest time between two ticks.

/** Shortest and longest interval that a schedule may have. */
export const scheduleLimits = { shortestSeconds: 60, longestSeconds: 86_400 } as const;

/** What to write for a schedule; every refusal ends with it. */
export const scheduleRemedy =
  'write a rate from one minute to one day, as "rate(5 minutes)", "rate(1 hour)" or "rate(1 day)", ' +
  'or a cron that runs every day, as "cron(0/10 * * * ? *)"';

export type Schedule =
  | { readonly ok: true; readonly intervalSeconds: number }
  | { readonly ok: false; readonly problem: string };

const SECONDS_PER_UNIT: Readonly<Record<string, number>> = {
  minute: 60,
  hour: 3_600,
  day: 86_400,
};
const MINUTES_PER_DAY = 1_440;

/**
 * Reads `rate(...)` or `cron(...)` as EventBridge does.
 *
 * `intervalSeconds` of a cron is its *longest* gap: all that is reckoned with it (margins, the age
 * at which an event is stale, the alarm on missing runs) must hold for the longest wait.
 */
export function readSchedule(expression: string): Schedule {
  const [, kind, body] = /^(rate|cron)\((.*)\)$/.exec(expression) ?? [];
  if (kind === undefined || body === undefined) return refused('it is neither rate(…) nor cron(…)');
  const interval = kind === 'rate' ? readRate(body) : readCron(body);
  if (typeof interval === 'string') return refused(interval);
  if (interval < scheduleLimits.shortestSeconds || interval > scheduleLimits.longestSeconds) {
    return refused('its interval is not between one minute and one day');
  }
  return { ok: true, intervalSeconds: interval };
}

function refused(problem: string): Schedule {
  return { ok: false, problem };
}

/** Seconds, or the problem. */
function readRate(body: string): number | string {
  const [, count, unit, plural] = /^([1-9]\d*) (minute|hour|day)(s?)$/.exec(body) ?? [];
  if (count === undefined || unit === undefined) return 'it is not a whole number and a unit';
  // EventBridge itself refuses "rate(1 minutes)" and "rate(5 minute)", but only at deployment.
  if ((count === '1') === (plural === 's'))
    return 'EventBridge wants the unit singular after 1, else plural';
  return Number(count) * (SECONDS_PER_UNIT[unit] ?? Number.NaN);
}

/** Seconds, or the problem. */
function readCron(body: string): number | string {
  const fields = body.split(/ +/);
  const [minute, hour, dayOfMonth, month, dayOfWeek, year] = fields;
  if (fields.length !== 6 || minute === undefined || hour === undefined) {
    return 'a cron has six fields: minutes, hours, day of month, month, day of week, year';
  }
  // A day left out makes a gap of more than a day, whatever the hours: every day, or not at all.
  const everyDay =
    [dayOfMonth, dayOfWeek].sort().join(' ') === '* ?' && month === '*' && year === '*';
  if (!everyDay) return 'it does not run every day: its last four fields must be "* * ? *"';

  const minutes = readCronField(minute, 60);
  const hours = readCronField(hour, 24);
  if (minutes === undefined) return `"${minute}" is not a list of minutes`;
  if (hours === undefined) return `"${hour}" is not a list of hours`;
  const ticks = hours.flatMap((h) => minutes.map((m) => h * 60 + m));
  const gaps = ticks.map(
    (tick, index) => (ticks[index + 1] ?? (ticks[0] ?? 0) + MINUTES_PER_DAY) - tick,
  );
  return Math.max(...gaps) * 60;
}

/** The values that a field stands for, in ascending order; undefined if it is no such field. */
function readCronField(field: string, size: number): readonly number[] | undefined {
  const values = new Set<number>();
  for (const part of field.split(',')) {
    const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
    if (match === null) return undefined;
    const [, from, to, step] = match;
    const first = Number(from ?? 0);
    const last =
      to !== undefined ? Number(to) : from !== undefined && step === undefined ? first : size - 1;
    const stride = Number(step ?? 1);
    if (first >= size || last >= size || first > last || stride < 1) return undefined;
    for (let value = first; value <= last; value += stride) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}
