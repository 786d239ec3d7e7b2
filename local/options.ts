// The command line of the local stack.

import { isPort, number, oneOf, readArguments, wholeFrom } from './command-line.ts';

export interface Options {
  readonly once: boolean;
  readonly help: boolean;
  readonly timeScale: number;
  readonly keyLifeSeconds: number;
  readonly awsPort: number;
  readonly momentoPort: number;
  readonly gatewayPort: number;
  readonly consolePort: number;
  readonly refreshTokens: 'single-use' | 'multi-use';
  readonly oldKeys: 'live' | 'die';
}

export const HELP = `Runs the stack on this machine, against stand-ins for AWS and Momento. No account is needed.

  npm start                            run until Ctrl-C
  npm start -- --once                  run one scenario, print a checklist; exit 0 when all of it held, else 1

Options (after --)
  --time-scale N       run the schedules N times faster than deployed   (default 900: an hour takes 4 s)
  --key-life SECONDS   the life of the key that is imported at start    (default 28)
  --refresh-tokens W   single-use or multi-use                          (default single-use)
  --old-keys W         live or die, at the refresh                      (default live)
  --aws-port N         where AWS listens; 0: any free port              (default 4566)
  --momento-port N     where Momento listens; 0: any free port          (default 8580)
  --gateway-port N     where the token endpoint listens; 0: any free    (default 8590)
  --console-port N     where the page listens; 0: any free port         (default 8600)
  --help               this text

Exit codes: 0 well, 1 something failed, 2 the command line is wrong.
`;

/** Throws `UsageError` with what to write instead. */
export function readOptions(argv: readonly string[]): Options {
  const values = parsed(argv);
  return {
    once: values.once ?? false,
    help: values.help ?? false,
    timeScale: number('time-scale', values['time-scale'], 900, (value) => value > 0),
    keyLifeSeconds: number('key-life', values['key-life'], 28, (value) => wholeFrom(value, 5)),
    awsPort: number('aws-port', values['aws-port'], 4566, isPort),
    momentoPort: number('momento-port', values['momento-port'], 8580, isPort),
    gatewayPort: number('gateway-port', values['gateway-port'], 8590, isPort),
    consolePort: number('console-port', values['console-port'], 8600, isPort),
    refreshTokens: oneOf('refresh-tokens', values['refresh-tokens'], ['single-use', 'multi-use']),
    oldKeys: oneOf('old-keys', values['old-keys'], ['live', 'die']),
  };
}

function parsed(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  return readArguments({
    args: [...argv],
    options: {
      once: flag,
      help: flag,
      'time-scale': text,
      'key-life': text,
      'refresh-tokens': text,
      'old-keys': text,
      'aws-port': text,
      'momento-port': text,
      'gateway-port': text,
      'console-port': text,
    },
  }).values;
}
