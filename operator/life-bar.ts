// What is left of a life, as a bar.

import type { Colours } from './terminal.ts';

/** Green while there is more than half, red in the last fifth. A sliver of life shows, and so does a sliver gone. */
export function lifeBar(
  fraction: number,
  width: number,
  colours: Pick<Colours, 'green' | 'yellow' | 'red' | 'dim'>,
): string {
  const share = Math.min(1, Math.max(0, fraction));
  const least = share > 0 ? 1 : 0;
  const most = share < 1 ? width - 1 : width;
  const full = Math.min(most, Math.max(least, Math.round(share * width)));
  const colour = share > 0.5 ? colours.green : share > 0.2 ? colours.yellow : colours.red;
  return colour('█'.repeat(full)) + colours.dim('░'.repeat(width - full));
}
