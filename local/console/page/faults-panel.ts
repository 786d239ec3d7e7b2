// The buttons that break things, and what they are doing.

import { FAULTS, type Snapshot } from '../told.ts';
import { make, say, the } from './elements.ts';
import { inject } from './requests.ts';
import { duration } from './times.ts';

export interface FaultsPanel {
  draw(state: Snapshot): void;
}

export function faultsPanel(now: () => number): FaultsPanel {
  const answer = the('#fault-answer');
  const choice = the('#fault-key');
  const select = the<HTMLSelectElement>('select', choice);
  let faults: Snapshot['faults'] = [];

  for (const button of document.querySelectorAll<HTMLButtonElement>('[data-fault]')) {
    const fault = FAULTS.find((name) => name === button.dataset.fault);
    if (fault === undefined) continue;
    button.addEventListener('click', async () => {
      try {
        await inject(fault, select.value || undefined);
        say(answer, '');
      } catch (error) {
        say(answer, error instanceof Error ? error.message : String(error));
      }
    });
  }

  const refresh = () => {
    for (const button of document.querySelectorAll<HTMLButtonElement>('[data-fault]')) {
      const active = faults.find(({ fault, isOver }) => !isOver && fault === button.dataset.fault);
      const state = button.parentElement?.querySelector('.countdown');
      button.toggleAttribute('data-active', active !== undefined);
      if (!state) continue;
      const text =
        active === undefined
          ? ''
          : active.untilMs === null
            ? 'armed'
            : `${duration(active.untilMs - now())} left`;
      say(state, text);
    }
  };
  setInterval(refresh, 250);

  return {
    draw(state) {
      faults = state.faults;
      refresh();
      if (select.options.length === state.keys.length) return;
      select.replaceChildren(
        ...state.keys.map(({ name }) => make('option', { value: name }, name)),
      );
      choice.hidden = state.keys.length < 2;
    },
  };
}
