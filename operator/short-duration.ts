// Durations for columns: "4 d 3 h".

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
] as const;

/** The largest unit alone. */
export const roughly = (seconds: number): string => short(seconds).split(' ').slice(0, 2).join(' ');

/** The two largest units; what is negative is none. */
export function short(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const first = UNITS.findIndex(([, size]) => whole >= size);
  if (first === -1) return '0 s';
  return UNITS.slice(first, first + 2)
    .map(([unit, size], index) => {
      const above = UNITS[first + index - 1]?.[1];
      const count = Math.floor((index === 0 || above === undefined ? whole : whole % above) / size);
      return count === 0 && index > 0 ? '' : `${count} ${unit}`;
    })
    .join(' ')
    .trim();
}
