// A paste may have several lines, and a prompt takes the first one. Left alone, the others would go to the person's
// shell: onto the screen, into its history, and be run.

/** From the last letter of a paste to whatever a person types next. */
const QUIET_MS = 100;

type Keyboard = Pick<NodeJS.ReadStream, 'on' | 'off' | 'resume' | 'pause' | 'setRawMode'>;

export interface OtherLines {
  /** All that came behind the first line, once nothing comes any more. Nothing of it is shown. */
  taken(): Promise<string>;
  /** Listens no more. */
  ignore(): void;
}

/** To be called before the prompt begins. */
export function behindTheFirstLine(keyboard: Keyboard): OtherLines {
  let isBehind = false;
  let text = '';
  let heard = () => {};
  const listen = (_letter: unknown, key: { name?: string; sequence?: string }) => {
    if (isBehind) text += key.sequence ?? '';
    else isBehind = key.name === 'return' || key.name === 'enter';
    heard();
  };
  keyboard.on('keypress', listen);
  return {
    taken: async () => {
      keyboard.setRawMode(true);
      keyboard.resume();
      await new Promise<void>((done) => {
        let timer: NodeJS.Timeout | undefined;
        heard = () => {
          clearTimeout(timer);
          timer = setTimeout(done, QUIET_MS);
        };
        heard();
      });
      keyboard.setRawMode(false);
      keyboard.pause();
      return text.replace(/\r\n?/g, '\n');
    },
    ignore: () => void keyboard.off('keypress', listen),
  };
}
