// The page: what the server tells goes to the panels, and each panel does one thing.

import { openBoard } from './board.ts';
import { say, setAttribute, the } from './elements.ts';
import { faultsPanel } from './faults-panel.ts';
import { keysPanel } from './keys-panel.ts';
import { session } from './session.ts';
import { storyPanel } from './story-panel.ts';
import { timeLine } from './time-line.ts';
import { tryPanel } from './try-panel.ts';

const connection = the('#connection');
const now = (): number => board.now();

const line = timeLine(now);
const keys = keysPanel(now);
const faults = faultsPanel(now);
const story = storyPanel();
const login = session();
const attempts = tryPanel(login);

// What scrolls can be reached with the keys in every browser.
for (const list of document.querySelectorAll('#entries, #attempts, .scrolls')) {
  setAttribute(list, 'tabindex', '0');
}

const CONNECTION = { open: 'Live', lost: 'The line is broken. Trying again …' } as const;

const board = openBoard({
  anew(state) {
    const faster = state.timeScale === 1 ? '' : `, here ${state.timeScale} times faster`;
    say(
      the('#facts'),
      `Stack ${state.stackName} on this machine. Schedule ${state.schedule}${faster}.`,
    );
    keys.draw(state);
    line.draw(state);
    faults.draw(state);
    story.anew(state);
    login.offer(state);
    attempts.offer(state);
  },
  news(news, state) {
    line.draw(state);
    if (news.kind === 'keys') keys.draw(state);
    if (news.kind === 'faults') faults.draw(state);
    if (news.kind === 'entry') story.add(news.entry);
  },
  connection(state) {
    setAttribute(connection, 'data-state', state);
    say(connection, CONNECTION[state]);
  },
});
