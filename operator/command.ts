// The command line: verbs, options, help, and what becomes of errors. What a verb needs is loaded when it is asked for.

import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type ExitCode, INTERRUPTED, PROBLEM, WELL, WRONG_USAGE } from './exit-code.ts';
import { folded } from './folded.ts';
import type { ImportOptions } from './import.ts';
import { withoutLongWords } from './long-words.ts';
import { DEFAULT_LOCAL_PORT, type PlaceOptions } from './place.ts';
import { Problem } from './problem.ts';
import { isTyped } from './remedy.ts';
import type { RotateOptions } from './rotate.ts';
import type { StatusOptions } from './status.ts';
import { Interrupted, processTerminal, type Terminal } from './terminal.ts';
import type { TokenOptions } from './token.ts';

export interface RunOptions {
  /** Where cdk.json lies. */
  readonly projectDirectory: string;
  /** @default the process's own */
  readonly terminal?: (interrupted: AbortSignal) => Terminal;
}

const EXIT_CODES: readonly string[] = [
  'Exit codes:',
  '  0    well',
  '  1    something needs a person, or the verb failed',
  '  2    the command line is wrong',
  '  130  interrupted',
];

/** Never throws. */
export async function run(
  argv: readonly string[],
  { projectDirectory, terminal: terminalOf = processTerminal }: RunOptions,
): Promise<ExitCode> {
  const interruption = new AbortController();
  const interrupted = interruption.signal;
  const terminal = discreet(terminalOf(interrupted), withoutLongWords(argv));
  const stop = () => interruption.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, stop);

  let code: ExitCode = WELL;
  let words = argv;
  const act: Act = async (verb, { endsByInterruption = false } = {}) => {
    code = await (endsByInterruption ? verb : Promise.race([verb, untilAborted(interrupted)]));
  };
  try {
    const command = program(terminal, projectDirectory, act);
    const isVerb = (word: string | undefined) =>
      command.commands.some((verb) => verb.name() === word);
    // Help of what does not exist is no help: the word alone is told to be none.
    const [first, second] = argv;
    if (first === 'help' && second !== undefined && !isVerb(second)) words = [second];
    await command.parseAsync(words.map(withPort), { from: 'user' });
    const lost = await terminal.unwritten();
    if (lost !== undefined) throw new Problem(`The result could not be written: ${lost}`);
  } catch (error) {
    code = tell(error, words, terminal);
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
  return code;
}

/** Never says again what must not be quoted. */
const discreet = (terminal: Terminal, clean: (text: string) => string): Terminal => ({
  ...terminal,
  print: (text, hang) => terminal.print(clean(text), hang),
  note: (text, hang) => terminal.note(clean(text), hang),
});

/** Takes the verb that is under way. */
type Act = (
  verb: Promise<ExitCode>,
  options?: { readonly endsByInterruption?: boolean },
) => Promise<void>;

/** A word after `--local` is the verb's: only `=` gives it a port. */
const withPort = (word: string): string =>
  word === '--local' ? `--local=${DEFAULT_LOCAL_PORT}` : word;

const untilAborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const end = () => reject(new Interrupted());
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });

/** `--local 4711`: the port stands apart, and is taken for a word too many. */
const portApart = (argv: readonly string[]): string | undefined =>
  argv.find((word, index) => argv[index - 1] === '--local' && /^\d+$/.test(word));

const MOST_HELP_COLUMNS = 100;
/** Of what stands beside an option. */
const LEAST_HELP_COLUMNS = 16;

/** The tree of verbs; for tests of its help, too. */
export function program(terminal: Terminal, projectDirectory: string, act: Act): Command {
  const helpWidth = () => Math.min(MOST_HELP_COLUMNS, terminal.columns());
  const exitCodes = () => EXIT_CODES.map((line) => folded(line, helpWidth(), 7)).join('\n');
  const root = new Command('momento-auth')
    .description(
      'Looks after the Momento keys of a deployed stack, or of the one that npm start runs.',
    )
    .usage('<verb> [options]')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
      getOutHelpWidth: helpWidth,
      getErrHelpWidth: helpWidth,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .configureHelp({ minWidthToWrap: LEAST_HELP_COLUMNS })
    .helpCommand('help [verb]', 'show what a verb does')
    .helpOption('-h, --help', 'show this text')
    .addHelpText('after', () => `\n${exitCodes()}\n\nMore: docs/operator.md`);

  /** @param prose is folded; examples are to be copied, and are not */
  const verb = (usage: string, description: string, examples: string, prose = ''): Command =>
    root
      .command(usage)
      .description(description)
      .helpOption('-h, --help', 'show this text')
      .optionsGroup('Where:')
      .option('--stack <name>', 'the name of the stack (default: that of cdk.json)', filled)
      .option('--region <region>', 'the AWS Region (default: as the AWS CLI has it)', filled)
      .option('--profile <profile>', 'the AWS profile (default: as the AWS CLI has it)', filled)
      .option(
        '--local [=port]',
        'the stack that npm start runs on this machine, and nothing on AWS',
      )
      .optionsGroup('Options:')
      .addHelpText('after', () => {
        const said = prose === '' ? '' : `${folded(prose, helpWidth(), 0)}\n\n`;
        return `\n${said}${examples}\n\n${exitCodes()}`;
      });

  verb(
    'import <file>',
    "Put a key in: the file that Momento's console downloads, or a bare key; - reads it from stdin.",
    `  npx momento-auth import momento_key.json
  pass show momento | npx momento-auth import - --key orders --yes`,
    'It is asked of Momento before it is stored. What is dead or no key is refused; what will not be renewed, or cannot mint tokens, is stored only after a question (--yes answers it).',
  )
    .option('--key <name>', 'which key (default: the only one)', filled)
    .option('--yes', 'do not ask')
    .action((file: string, options: ImportOptions) =>
      act(
        import('./import.ts').then((it) => it.importKey(file, options, terminal, projectDirectory)),
      ),
    );

  verb(
    'status',
    'Show every key: its age, what is left of its life, what comes next and what came last; and the alarms.',
    `  npx momento-auth status
  npx momento-auth status --json | jq '.keys[] | select(.needsPerson)'`,
  )
    .option('--key <name>', 'this key alone', filled)
    .option('--json', 'for machines (docs/operator.md has the shape)')
    .option('--watch', 'again and again, until Ctrl-C; the exit code is that of the last look')
    .action((options: StatusOptions) =>
      act(
        import('./status.ts').then((it) => it.status(options, terminal, projectDirectory)),
        { endsByInterruption: options.watch === true },
      ),
    );

  verb(
    'rotate',
    'Renew a key now, due or not.',
    `  npx momento-auth rotate --dry-run
  npx momento-auth rotate --key orders`,
    'The dry run proves permissions, the way to write, and that Momento accepts the key; it changes nothing. The refresh token cannot be tried without spending it.',
  )
    .option('--key <name>', 'this key alone (default: all)', filled)
    .option('--dry-run', 'prove that it would work, but for the refresh token')
    .option('--yes', 'do not ask before several keys are renewed')
    .action((options: RotateOptions) =>
      act(import('./rotate.ts').then((it) => it.rotate(options, terminal, projectDirectory))),
    );

  verb(
    'token',
    'Show what a token of a user with these roles and claims may do, by the policies of this checkout.',
    `  npx momento-auth token --as viewer --claim custom:tenantId=acme
  npx momento-auth token --as data-entry --claim sub=u-1 --claim custom:tenantId=acme --mint`,
    'Nothing is minted without --mint, and AWS is not asked. --mint prints the token, which is a credential, to stdout, as the token endpoint would answer.',
  )
    .option('--as <role>', 'a role of the user; once for each', collect)
    .option('--claim <name=value>', 'a claim of his login token; once for each', collect)
    .option('--json', 'the scope, and the message as it travels (docs/operator.md has the shape)')
    .option('--mint', 'mint it with the vending key')
    .action(({ as = [], claim = [], ...options }: Partial<TokenOptions>) =>
      act(
        import('./token.ts').then((it) =>
          it.token({ as, claim, ...options }, terminal, projectDirectory),
        ),
      ),
    );

  verb(
    'doctor',
    'Look at everything a rotation and a token need; say what is wrong, and what to type.',
    `  npx momento-auth doctor
  npx momento-auth doctor --local`,
  ).action((options: PlaceOptions) =>
    act(import('./doctor.ts').then((it) => it.doctor(options, terminal, projectDirectory))),
  );

  return root;
}

/** An empty variable of a script would choose another stack than was meant. */
function filled(word: string): string {
  if (word.trim() === '') throw new InvalidArgumentError('It is empty.');
  return word;
}

const collect = (word: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  word,
];

/** Says what went wrong, and what to type next. */
function tell(error: unknown, argv: readonly string[], terminal: Terminal): ExitCode {
  const { red, cyan } = terminal.noteColours;
  if (error instanceof CommanderError) {
    if (error.exitCode === WELL) return WELL;
    // The sentence has been written.
    if (error.code !== 'commander.help') terminal.note(cyan(afterWrongLine(error, argv)));
    return WRONG_USAGE;
  }
  if (error instanceof Interrupted) {
    terminal.endProgress();
    terminal.note('Interrupted.');
    return INTERRUPTED;
  }
  if (error instanceof Problem) {
    terminal.note(`${red('✗')} ${error.message}`, 2);
    const { next } = error;
    if (next !== undefined) terminal.note(`  ${cyan(next)}`, isTyped(next) ? undefined : 2);
    return error.exitCode;
  }
  // A mistake of this command: whoever mends it needs all of it.
  terminal.note(
    `${red('✗')} ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return PROBLEM;
}

function afterWrongLine({ code }: CommanderError, argv: readonly string[]): string {
  const port = portApart(argv);
  if (code === 'commander.excessArguments' && port !== undefined) {
    return `Write --local=${port}`;
  }
  const [verb = ''] = argv;
  return code === 'commander.unknownCommand' || !/^[a-z]+$/.test(verb)
    ? 'npx momento-auth --help'
    : `npx momento-auth ${verb} --help`;
}
