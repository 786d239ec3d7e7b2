// EventBridge's cron: six fields (minutes hours day-of-month month day-of-week year), in UTC.
//
//   , - * /  everywhere     ?  in exactly one of the two day fields
//   L  last day (of the month; of the week: Saturday)     5L  the last Thursday of the month
//   3W  the weekday nearest to the 3rd                    3#2  the second Tuesday

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const LAST_YEAR = 2199;

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

interface Day {
  readonly year: number;
  readonly month: number;
  readonly dayOfMonth: number;
  /** 1 is Sunday, as EventBridge counts. */
  readonly dayOfWeek: number;
  readonly daysInMonth: number;
}

type DayRule = (day: Day) => boolean;

export interface Cron {
  /** The first instant strictly after `afterMs`, or undefined when there is none before the year 2200. */
  next(afterMs: number): number | undefined;
}

/** @throws RangeError saying which field is wrong */
export function parseCron(fields: string): Cron {
  const parts = fields.trim().split(/\s+/);
  if (parts.length !== 6) throw new RangeError(`cron needs six fields, got ${parts.length}`);
  const [minuteField, hourField, domField, monthField, dowField, yearField] = parts as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  if ((domField === '?') === (dowField === '?')) {
    throw new RangeError('write ? in exactly one of day-of-month and day-of-week');
  }
  const minutes = sorted(numbers('minutes', minuteField, 0, 59));
  const hours = sorted(numbers('hours', hourField, 0, 23));
  const months = numbers('month', monthField, 1, 12, MONTHS);
  const years = numbers('year', yearField, 1970, LAST_YEAR);
  const dayMatches = domField === '?' ? dayOfWeekRule(dowField) : dayOfMonthRule(domField);

  return {
    next(afterMs) {
      const earliestMs = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
      let midnightMs = Math.floor(earliestMs / DAY_MS) * DAY_MS;
      for (;;) {
        const day = dayOf(midnightMs);
        if (day.year > LAST_YEAR) return undefined;
        if (years.has(day.year) && months.has(day.month) && dayMatches(day)) {
          for (const hour of hours) {
            for (const minute of minutes) {
              const instantMs = midnightMs + (hour * 60 + minute) * MINUTE_MS;
              if (instantMs >= earliestMs) return instantMs;
            }
          }
        }
        midnightMs += DAY_MS;
      }
    },
  };
}

function dayOfMonthRule(field: string): DayRule {
  if (field === 'L') return (day) => day.dayOfMonth === day.daysInMonth;
  const nearest = /^(\d{1,2})W$/.exec(field);
  if (nearest) {
    const wanted = inRange('day-of-month', Number(nearest[1]), 1, 31);
    return (day) => day.dayOfMonth === nearestWeekday(day, wanted);
  }
  const days = numbers('day-of-month', field, 1, 31);
  return (day) => days.has(day.dayOfMonth);
}

function dayOfWeekRule(field: string): DayRule {
  if (field === 'L') return (day) => day.dayOfWeek === 7;
  const last = /^(\w{1,3})L$/.exec(field);
  if (last) {
    const wanted = oneNumber('day-of-week', last[1] ?? '', 1, 7, WEEKDAYS);
    return (day) => day.dayOfWeek === wanted && day.dayOfMonth + 7 > day.daysInMonth;
  }
  const nth = /^(\w{1,3})#([1-5])$/.exec(field);
  if (nth) {
    const wanted = oneNumber('day-of-week', nth[1] ?? '', 1, 7, WEEKDAYS);
    return (day) => day.dayOfWeek === wanted && Math.ceil(day.dayOfMonth / 7) === Number(nth[2]);
  }
  const days = numbers('day-of-week', field, 1, 7, WEEKDAYS);
  return (day) => days.has(day.dayOfWeek);
}

/** Never leaves the month: the 1st on a Saturday becomes the 3rd. */
function nearestWeekday(day: Day, wanted: number): number | undefined {
  if (wanted > day.daysInMonth) return undefined;
  const weekday = (day.dayOfWeek - 1 + wanted - day.dayOfMonth + 35) % 7;
  if (weekday === 6) return wanted === 1 ? 3 : wanted - 1;
  if (weekday === 0) return wanted === day.daysInMonth ? wanted - 2 : wanted + 1;
  return wanted;
}

function dayOf(midnightMs: number): Day {
  const date = new Date(midnightMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth() + 1];
  return {
    year,
    month,
    dayOfMonth: date.getUTCDate(),
    dayOfWeek: date.getUTCDay() + 1,
    daysInMonth: new Date(Date.UTC(year, month, 0)).getUTCDate(),
  };
}

function numbers(
  name: string,
  field: string,
  min: number,
  max: number,
  names: readonly string[] = [],
): ReadonlySet<number> {
  const found = new Set<number>();
  for (const item of field.split(',')) {
    const [range = '', step, ...rest] = item.split('/');
    if (rest.length > 0) throw new RangeError(`${name}: "${item}" is not understood`);
    const every = step === undefined ? 1 : oneNumber(name, step, 1, max);
    const [from, to] = bounds(name, range, step !== undefined, min, max, names);
    for (let value = from; value <= to; value += every) found.add(value);
  }
  return found;
}

function bounds(
  name: string,
  range: string,
  stepped: boolean,
  min: number,
  max: number,
  names: readonly string[],
): [number, number] {
  if (range === '*') return [min, max];
  const [low = '', high, ...rest] = range.split('-');
  if (rest.length > 0) throw new RangeError(`${name}: "${range}" is not understood`);
  const from = oneNumber(name, low, min, max, names);
  if (high === undefined) return [from, stepped ? max : from];
  const to = oneNumber(name, high, min, max, names);
  if (to < from) throw new RangeError(`${name}: "${range}" ends before it begins`);
  return [from, to];
}

function oneNumber(
  name: string,
  text: string,
  min: number,
  max: number,
  names: readonly string[] = [],
): number {
  const named = names.indexOf(text.toUpperCase());
  if (named >= 0) return named + 1;
  if (!/^\d+$/.test(text)) throw new RangeError(`${name}: "${text}" is not understood`);
  return inRange(name, Number(text), min, max);
}

function inRange(name: string, value: number, min: number, max: number): number {
  if (value < min || value > max) {
    throw new RangeError(`${name}: ${value} is not within ${min} to ${max}`);
  }
  return value;
}

function sorted(values: ReadonlySet<number>): readonly number[] {
  return [...values].sort((a, b) => a - b);
}
