// Runs a scenario and writes its checklist: one line a step, with the evidence below it.

import type { Colours } from '../terminal/timeline.ts';
import type { Scenario } from './scenario.ts';

export interface ChecklistOptions {
  readonly colours: Colours;
  readonly write: (text: string) => void;
  /** Ends it. @default never */
  readonly signal?: AbortSignal;
}

/** True when every step held. The steps build on each other: after the first that fails none is run. */
export async function runChecklist(
  { steps }: Pick<Scenario, 'steps'>,
  { colours, write, signal }: ChecklistOptions,
): Promise<boolean> {
  let failed: unknown;
  let held = 0;
  let applicable = 0;
  for (const { title, run, notApplicable } of steps) {
    if (notApplicable !== undefined) {
      write(`${colours.dim('–')} ${colours.dim(`${title} (${notApplicable})`)}\n`);
      continue;
    }
    applicable += 1;
    if (failed !== undefined) {
      write(`${colours.dim('–')} ${colours.dim(`${title} (not run)`)}\n`);
      continue;
    }
    try {
      const evidence = await run();
      held += 1;
      write(`${colours.green('✓')} ${title}\n  ${colours.dim(evidence)}\n`);
    } catch (error) {
      if (signal?.aborted) {
        write(`${colours.yellow('Interrupted.')}\n`);
        return false;
      }
      failed = error;
      const message = error instanceof Error ? error.message : String(error);
      write(`${colours.red('✗')} ${title}\n  ${colours.red(message)}\n`);
    }
  }
  const left = steps.length - applicable;
  const summary = `${held} of ${applicable} steps held${left === 0 ? '' : `, ${left} not applicable`}`;
  write(`\n${failed === undefined ? colours.green(summary) : colours.red(summary)}\n`);
  return failed === undefined;
}
