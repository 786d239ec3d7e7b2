// The one place that writes and asks. Everything passes the redactor on its way out; results go to stdout, all else
// to stderr, so that a pipe gets results alone. Colours, movement and questions only where a person sees them.

import pc from 'picocolors';
import { Redactor } from '../lambda/shared/redaction.ts';
import { INTERRUPTED } from './exit-code.ts';
import { folded } from './folded.ts';
import { Problem } from './problem.ts';

export type Colours = Pick<
  ReturnType<typeof pc.createColors>,
  'bold' | 'dim' | 'green' | 'yellow' | 'red' | 'cyan'
>;

export interface Terminal {
  readonly redactor: Redactor;
  /** For stdout. */
  readonly colours: Colours;
  /** For stderr. */
  readonly noteColours: Colours;
  /** Stdout is a terminal: what stands there can be drawn over. */
  readonly isScreen: boolean;
  /** A person can be asked. */
  readonly isInteractive: boolean;
  readonly columns: () => number;
  readonly rows: () => number;
  /** Aborts at Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** Aborts when nobody reads stdout any more: `| head -1` has had its line. */
  readonly unread: AbortSignal;
  /** Why a result is lost, as on a full disk; undefined where all went out, or nobody wanted to read it. */
  unwritten(): Promise<string | undefined>;
  /**
   * A result.
   * @param hang folds it to the terminal's width, with so many blanks before each line but the first. @default as it is
   */
  print(text: string, hang?: number): void;
  /** Anything that is not the result. */
  note(text: string, hang?: number): void;
  /** The one thing that is a secret and is wanted all the same: `token --mint`. Never anything else. */
  printCredential(text: string): void;
  /** Says what is being waited for, once it takes long. */
  progress<T>(what: string, work: () => Promise<T>): Promise<T>;
  /** Leaves the line as it was, where work goes on that nobody waits for any more. */
  endProgress(): void;
  /** Undefined where nobody can be asked. Throws when the person leaves by Ctrl-C. */
  confirm(question: string): Promise<boolean | undefined>;
  /** What is typed or pasted is not shown; of several lines all. */
  askForSecret(question: string): Promise<string>;
}

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 80;
const SHOWN_AFTER_MS = 300;
/** Where lines stay, only what takes long is worth one. */
const SAID_AFTER_MS = 1_000;
const PLAIN_COLUMNS = 100;

export class Interrupted extends Problem {
  constructor() {
    super('Interrupted.', { exitCode: INTERRUPTED });
  }
}

export function processTerminal(interrupted: AbortSignal): Terminal {
  const { stdin, stdout, stderr } = process;
  const redactor = new Redactor();
  const hasColours = (stream: NodeJS.WriteStream) =>
    stream.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
  const isInteractive = stdin.isTTY === true && stderr.isTTY === true;
  const noteColours = pc.createColors(hasColours(stderr));

  // Whoever reads may stop reading; what has begun is ended all the same.
  const reader = new AbortController();
  let lost: string | undefined;
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') lost = error.message;
    reader.abort();
  });
  stderr.on('error', () => {});
  let endLine = () => {};

  // Redacted as a whole: folding could hide a secret from it.
  const write = (stream: NodeJS.WriteStream, text: string, hang: number | undefined) => {
    const clean = redactor.text(text);
    const columns = stream.isTTY && hang !== undefined ? stream.columns : Number.POSITIVE_INFINITY;
    stream.write(`${folded(clean, columns, hang ?? 0)}\n`);
  };
  const answered = async <T>(ask: (signal: AbortSignal) => Promise<T>) => {
    // At Ctrl-D the prompts let go of the keyboard and say nothing: Node would leave with nothing to wait for.
    const left = new AbortController();
    const leaveAtCtrlD = (_text: unknown, key: { ctrl?: boolean; name?: string }) => {
      if (key.ctrl && key.name === 'd') left.abort();
    };
    stdin.on('keypress', leaveAtCtrlD);
    try {
      const answer = await ask(AbortSignal.any([left.signal, interrupted]));
      // The prompts know no other symbol than that of leaving.
      if (typeof answer === 'symbol') throw new Interrupted();
      return answer as Exclude<T, symbol>;
    } finally {
      stdin.off('keypress', leaveAtCtrlD);
    }
  };

  return {
    redactor,
    colours: pc.createColors(hasColours(stdout)),
    noteColours,
    isScreen: stdout.isTTY === true,
    isInteractive,
    columns: () => stdout.columns ?? PLAIN_COLUMNS,
    rows: () => stdout.rows ?? 24,
    interrupted,
    unread: reader.signal,
    unwritten: async () => {
      // Streams tell of it a moment later.
      await new Promise((go) => setImmediate(go));
      return lost;
    },
    print: (text, hang) => write(stdout, text, hang),
    note: (text, hang) => write(stderr, text, hang),
    printCredential: (text) => void stdout.write(`${text}\n`),
    progress: async (what, work) => {
      const shown = redactor.text(what);
      endLine = stderr.isTTY ? spin(stderr, shown, noteColours) : sayLater(stderr, shown);
      try {
        return await work();
      } finally {
        endLine();
      }
    },
    endProgress: () => endLine(),
    confirm: async (message) => {
      if (!isInteractive) return undefined;
      const { confirm } = await import('@clack/prompts');
      const options = { message: redactor.text(message), initialValue: false, output: stderr };
      return answered((signal) => confirm({ ...options, signal }));
    },
    askForSecret: async (message) => {
      const { password } = await import('@clack/prompts');
      const { behindTheFirstLine } = await import('./pasted.ts');
      const options = { message: redactor.text(message), output: stderr };
      const others = behindTheFirstLine(stdin);
      try {
        const first = await answered((signal) => password({ ...options, signal }));
        return `${first}\n${await others.taken()}`;
      } finally {
        others.ignore();
      }
    },
  };
}

// Not the prompts' own spinner: that one takes the keyboard, and turns Ctrl-C into an exit code of its own.
function spin(stream: NodeJS.WriteStream, what: string, { cyan, dim }: Colours): () => void {
  let frame = 0;
  const startedAtMs = Date.now();
  let isShown = false;
  const timer = setInterval(() => {
    if (Date.now() - startedAtMs < SHOWN_AFTER_MS) return;
    const seconds = Math.floor((Date.now() - startedAtMs) / 1000);
    const text = what.slice(0, Math.max(0, (stream.columns ?? PLAIN_COLUMNS) - 10));
    const time = seconds < 2 ? '' : dim(` ${seconds} s`);
    stream.write(
      `${isShown ? '\r\u001b[K' : '\u001b[?25l'}${cyan(FRAMES[frame] ?? '')} ${text}${time}`,
    );
    frame = (frame + 1) % FRAMES.length;
    isShown = true;
  }, FRAME_MS);
  return () => {
    clearInterval(timer);
    if (isShown) stream.write('\r\u001b[K\u001b[?25h');
  };
}

function sayLater(stream: NodeJS.WriteStream, what: string): () => void {
  const timer = setTimeout(() => stream.write(`${what} …\n`), SAID_AFTER_MS);
  return () => clearTimeout(timer);
}
