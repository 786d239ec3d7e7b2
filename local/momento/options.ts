// The command line of local Momento on its own.

import { isPort, number, oneOf, readArguments, wholeFrom } from '../command-line.ts';

export interface Options {
  readonly help: boolean;
  readonly json: boolean;
  readonly port: number;
  readonly keyLifeSeconds: number;
  readonly refreshTokens: 'single-use' | 'multi-use';
  readonly oldKeys: 'live' | 'die';
}

export const HELP = `Runs Momento on this machine, for anyone's tests. No account is needed, and nothing is kept.

  npm run local:momento                     run until Ctrl-C
  npm run --silent local:momento -- --json  the same, and tell it in one line of JSON:
                                            {"endpoint","sessionToken","apiKey","refreshToken","validUntil"}

Options (after --)
  --port N             where it listens; 0: any free port               (default 8580)
  --key-life SECONDS   the life of the super-user key                   (default 2592000: 30 days)
  --refresh-tokens W   single-use or multi-use                          (default single-use)
  --old-keys W         live or die, at the refresh                      (default live)
  --json               one line of JSON instead of text
  --help               this text

Exit codes: 0 well, 1 something failed, 2 the command line is wrong.
`;

/** @throws UsageError with what to write instead */
export function readOptions(argv: readonly string[]): Options {
  const values = parsed(argv);
  return {
    help: values.help ?? false,
    json: values.json ?? false,
    port: number('port', values.port, 8580, isPort),
    keyLifeSeconds: number('key-life', values['key-life'], 2_592_000, isLife),
    refreshTokens: oneOf('refresh-tokens', values['refresh-tokens'], ['single-use', 'multi-use']),
    oldKeys: oneOf('old-keys', values['old-keys'], ['live', 'die']),
  };
}

/** Up to a hundred years: a date that can be printed. */
const isLife = (seconds: number): boolean => wholeFrom(seconds, 1) && seconds <= 3_153_600_000;

function parsed(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  return readArguments({
    args: [...argv],
    options: {
      help: flag,
      json: flag,
      port: text,
      'key-life': text,
      'refresh-tokens': text,
      'old-keys': text,
    },
  }).values;
}
