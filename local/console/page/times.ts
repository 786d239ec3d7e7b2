// Times and durations as a person reads them.

export const clockTime = (ms: number): string =>
  new Date(ms).toLocaleTimeString('en-GB', { hour12: false });

/** `8 s`, `2 min 5 s`, `3 h 10 min`, `12 days`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}
