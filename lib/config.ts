// The configuration: the context object "momentoAuth", its one schema, and its documentation.
import * as v from 'valibot';
import { authRates } from './auth-rates.ts';
import { ConfigError, type ConfigIssue } from './config-error.ts';
import { at, closed, isRecord, listOf, number, optionalText, show, text } from './config-fields.ts';
import { regionIssues } from './regions.ts';
import {
  environmentBytes,
  environmentLimitBytes,
  longestCreatedSecretName,
  longestSecretArnPrefix,
  rotateKeyEnvironment,
} from './rotate-key-environment.ts';
import { readSchedule, scheduleRemedy } from './schedule.ts';
import { type TokenEndpointOptions, tokenEndpointSchema } from './token-endpoint-config.ts';
import { readTokenPolicies, type TokenPoliciesFile } from './token-policies-file.ts';

export { ConfigError, type ConfigIssue } from './config-error.ts';

const ROOT = 'momentoAuth';
const MOST_KEYS = 30;

const keyNameRemedy =
  'write a name of 1 to 32 letters, digits, "-" and "_" that starts with a letter, as "default"';
const keysRemedy = `write an array of 1 to ${MOST_KEYS} keys, as [{ "name": "default" }]`;

const kmsKeyArnsRemedy =
  'write an array of 1 to 30 ARNs of KMS keys, or leave it out for "aws/secretsmanager"';
const emailRemedy = 'write an e-mail address, as "ops@example.com"';
const kmsKeyArnRemedy =
  'write the ARN of the key itself, not of an alias: "arn:aws:kms:REGION:ACCOUNT:key/KEY-ID"';
const kmsKeyArn = text(
  /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/(mrk-)?[0-9a-f-]{32,36}$/,
  kmsKeyArnRemedy,
);

/**
 * Letters, digits, blanks (not at the ends) and `_.:/=+-@` are what tags may have. The letters are
 * those of Latin-1, because an IAM policy, whose condition names the tag, takes no others; and none
 * of these has a meaning there (`*`, `?`, `${}` would have one).
 */
const TAG_CHARACTER = '[A-Za-zÀ-ÖØ-öø-ÿ0-9 _.:/=+@-]';
const discoverSchema = closed({
  /** The tag's key, of 1 to 128 characters. IAM does not tell small letters from capitals in it. */
  key: text(
    new RegExp(`^(?![Aa][Ww][Ss]:| )${TAG_CHARACTER}{1,128}(?<! )$`),
    'write the key of a tag, of 1 to 128 letters (of western Europe), digits, blanks and _.:/=+-@, ' +
      'that does not start with "aws:", as "momento-auth:rotate"',
  ),

  /** The tag's value, of 1 to 256 characters, exactly as the secrets have it. */
  value: text(
    new RegExp(`^(?! )${TAG_CHARACTER}{1,256}(?<! )$`),
    'write the value of the tag, of 1 to 256 letters (of western Europe), digits, blanks and ' +
      '_.:/=+-@, as "true"',
  ),

  /**
   * ARNs of the KMS keys that encrypt those secrets, 1 to 30.
   *
   * @default - the account's own key `aws/secretsmanager` encrypts them all
   */
  kmsKeyArns: v.optional(
    v.pipe(
      listOf(kmsKeyArn, kmsKeyArnsRemedy, 'name each KMS key once'),
      v.check(({ length }) => length >= 1 && length <= 30, kmsKeyArnsRemedy),
    ),
  ),
});

const keySchema = v.pipe(
  closed(
    {
      /**
       * What the key is called: in outputs (letters and digits alone), tags and logs. Renaming a
       * key makes a new, empty secret and leaves the old one behind, untouched.
       */
      name: v.pipe(
        v.string(keyNameRemedy),
        v.regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/, keyNameRemedy),
      ),

      /**
       * ARN of a secret to adopt, complete with its six-character suffix. It must be in the stack's
       * Region. Adoption changes nothing about the secret: the stack only reads and writes values.
       *
       * @default - the stack makes a secret, and leaves it when the stack is deleted
       */
      secretArn: optionalText(
        /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}$/,
        'write the whole ARN as Secrets Manager shows it, with the six characters at its end: ' +
          '"arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf"',
      ),

      /**
       * ARN of the KMS key that encrypts the secret. With `secretArn`: of the key that encrypts it
       * already, so that the grants are right.
       *
       * @default - the account's own key `aws/secretsmanager`
       */
      kmsKeyArn: v.optional(kmsKeyArn),

      /**
       * Regions to replicate the secret to, as `["eu-west-1"]`; a replica is encrypted with its
       * Region's own key `aws/secretsmanager`. Not together with `secretArn`.
       *
       * @default - no replicas
       */
      replicaRegions: v.optional(
        v.pipe(
          v.array(
            v.pipe(
              v.string('write a Region, as "eu-west-1"'),
              v.regex(/^[a-z]{2}(-[a-z]+)+-\d{1,2}$/, 'write a Region, as "eu-west-1"'),
            ),
            'write an array of Regions, as ["eu-west-1"]',
          ),
          v.check((regions) => new Set(regions).size === regions.length, 'name each Region once'),
        ),
      ),
    },
    keyNameRemedy,
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    const key: unknown = dataset.value;
    if (!isRecord(key) || key.secretArn === undefined || key.replicaRegions === undefined) return;
    addIssue({
      message:
        'take out "replicaRegions": adopting a secret changes nothing about it. Replicate it with ' +
        '"aws secretsmanager replicate-secret-to-regions", or take out "secretArn"',
      path: [at(key, 'replicaRegions')],
      received: show(key.replicaRegions),
    });
  }),
);

const configSchema = v.pipe(
  closed({
    /**
     * Name of the CloudFormation stack. Another name is another stack, beside the first.
     *
     * @default "MomentoAuth"
     */
    stackName: v.optional(
      text(
        /^[A-Za-z][A-Za-z0-9-]{0,127}$/,
        'write a name of 1 to 128 letters, digits and "-" that starts with a letter, as "MomentoAuth"',
      ),
      'MomentoAuth',
    ),

    /**
     * The keys to keep fresh, 1 to 30. Those that end first are renewed first.
     *
     * @default [{ "name": "default" }]
     */
    keys: v.optional(
      v.pipe(
        v.array(keySchema, keysRemedy),
        v.rawCheck(({ dataset, addIssue }) => {
          for (const issue of issuesBetweenKeys(dataset.value)) addIssue(issue);
        }),
      ),
      [{ name: 'default' }],
    ),

    /**
     * Keys to keep fresh besides `keys`: those in secrets that carry a tag, in the stack's account
     * and Region, however many. Whoever may tag a secret thereby lets rotation read and write it.
     *
     * @default null, none: the function may not even list secrets
     */
    discoverKeysByTag: v.optional(v.nullable(discoverSchema), null),

    /**
     * Name of the key that tokens for front ends are made with.
     *
     * @default "default"; not looked at where there is no token endpoint
     */
    vendingKey: v.optional(v.string('write the name of one of the keys, as "default"'), 'default'),

    /**
     * How often the keys are looked at, as an EventBridge expression; from one minute to one day. A
     * cron must run every day.
     *
     * @default "rate(1 hour)"
     */
    schedule: v.optional(
      v.pipe(
        v.string(scheduleRemedy),
        v.rawCheck(({ dataset, addIssue }) => {
          const schedule = dataset.typed ? readSchedule(dataset.value) : undefined;
          if (schedule === undefined || schedule.ok) return;
          addIssue({
            message: `${schedule.problem}; ${scheduleRemedy}`,
            received: show(dataset.value),
          });
        }),
      ),
      'rate(1 hour)',
    ),

    /**
     * A key is refreshed when no more than this part of its life is left; more than 0, less than 1.
     * Rotation never starts before half the life has passed, and never later than three intervals
     * before the end.
     *
     * @default 0.3333
     */
    refreshAtFraction: v.optional(
      number((x) => x > 0 && x < 1, 'write a number above 0 and below 1, as 0.3333'),
      0.3333,
    ),

    /**
     * Auth operations per second that Momento allows the account; more than 0. With a token endpoint
     * rotation takes 1 of them, and vending the rest; of 1 or less each takes half.
     *
     * @default 5
     */
    authRatePerSecond: v.optional(
      number((x) => x > 0, 'write a number above 0, as 5'),
      5,
    ),

    /**
     * ARN of the EventBridge bus that hears of rotations.
     *
     * @default null, the default bus of the account
     */
    eventBusArn: v.optional(
      v.nullable(
        text(
          /^arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[A-Za-z0-9/._-]{1,256}$/,
          'write the ARN of a bus, as "arn:aws:events:REGION:ACCOUNT:event-bus/NAME", or null for the default bus',
        ),
      ),
      null,
    ),

    /**
     * E-mail addresses that hear of every alarm and of its end. Each gets a mail from SNS after the
     * deployment, and hears nothing until the link in it is followed.
     *
     * @default [], nobody: the output `AlarmTopicArn` is there to be subscribed to
     */
    alarmEmails: v.optional(
      v.pipe(
        v.array(
          v.pipe(v.string(emailRemedy), v.email(emailRemedy)),
          'write an array of e-mail addresses, as ["ops@example.com"]',
        ),
        v.check(
          (emails) => new Set(emails.map((email) => email.toLowerCase())).size === emails.length,
          'write each address once, in small letters or capitals',
        ),
      ),
      [],
    ),

    /**
     * The endpoint that hands short-lived tokens to front ends; `false` leaves it out.
     *
     * @default {}, an endpoint behind a new Cognito user pool, with the defaults of each property
     */
    tokenEndpoint: v.optional(tokenEndpointSchema, {}),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    const config: unknown = dataset.value;
    if (!isRecord(config) || typeof config.vendingKey !== 'string') return;
    const names = keyNames(config.keys);
    // The default is no claim that such a key exists: without an endpoint nothing vends.
    const vending = config.tokenEndpoint !== false || config.vendingKey !== 'default';
    if (!vending || names.length === 0 || names.includes(config.vendingKey)) return;
    addIssue({
      message: `write the name of one of the keys: ${names.map(show).join(', ')}`,
      path: [at(config, 'vendingKey')],
      received: show(config.vendingKey),
    });
  }),
);

/** The configuration, checked and with its defaults filled in. */
export type Config = Omit<v.InferOutput<typeof configSchema>, 'tokenEndpoint'> & {
  readonly tokenEndpoint: false | TokenEndpointConfig;
};
/** One configured key. */
export type KeyConfig = v.InferOutput<typeof keySchema>;
/** The token endpoint, with its policies in place of their path. */
export type TokenEndpointConfig = Omit<TokenEndpointOptions, 'policies'> & {
  readonly policies: TokenPoliciesFile;
};

/**
 * Checks the context object `momentoAuth`.
 *
 * @param input the object; its JSON text, as `-c momentoAuth='{…}'` gives it; or undefined for all
 * defaults
 * @param directory where cdk.json lies, which is where the CDK CLI runs the app: paths are relative
 * to it
 * @throws {ConfigError} with every problem at once
 */
export function parseConfig(input: unknown, directory: string = process.cwd()): Config {
  const result = v.safeParse(configSchema, input === undefined ? {} : fromText(input));
  if (!result.success) {
    throw new ConfigError(
      result.issues.map((issue) => ({
        path: pathOf(issue),
        got: issue.type === 'raw_check' ? issue.received : show(issue.input),
        remedy: issue.message,
      })),
    );
  }
  const { tokenEndpoint, ...config } = result.output;
  const rates = authRates(config.authRatePerSecond, tokenEndpoint !== false);
  const issues = [...regionIssues(config, ROOT), ...environmentIssues(config, rates.rotation)];
  if (issues.length > 0) throw new ConfigError(issues);
  return {
    ...config,
    tokenEndpoint: tokenEndpoint && {
      ...tokenEndpoint,
      policies: readTokenPolicies(tokenEndpoint, directory),
    },
  };
}

/** Names of outputs are made of letters and digits alone: this is what is left of a key's name. */
export function strippedName(keyName: string): string {
  return keyName.replace(/[^A-Za-z0-9]/g, '');
}

function fromText(input: unknown): unknown {
  if (typeof input !== 'string') return input;
  try {
    return JSON.parse(input);
  } catch (cause) {
    const remedy = `write JSON in single quotes, as -c ${ROOT}='{"keys":[{"name":"default"}]}'`;
    throw new ConfigError([{ path: ROOT, got: 'text that is not JSON', remedy }], { cause });
  }
}

interface FoundIssue {
  readonly message: string;
  readonly received: string;
  readonly path?: [v.ArrayPathItem, v.ObjectPathItem];
}

/** Too few or too many keys, and two with one name, one output or one secret. */
function issuesBetweenKeys(keys: unknown): readonly FoundIssue[] {
  if (!Array.isArray(keys)) return [];
  const issues: FoundIssue[] = [];
  if (keys.length < 1 || keys.length > MOST_KEYS) {
    issues.push({ message: keysRemedy, received: `${keys.length} keys` });
  }
  const nameByOutput = new Map<string, string>();
  const secretArns = new Set<string>();
  for (const [index, key] of keys.entries()) {
    if (!isRecord(key)) continue;
    const { name, secretArn } = key;
    const add = (property: string, message: string) =>
      issues.push({
        message,
        received: show(key[property]),
        path: [
          { type: 'array', origin: 'value', input: keys, key: index, value: key },
          at(key, property),
        ],
      });
    if (typeof name === 'string') {
      const output = strippedName(name);
      const other = nameByOutput.get(output);
      if (other === name) add('name', 'write another name: each key has its own');
      else if (other !== undefined) {
        add(
          'name',
          `write another name: outputs are named by letters and digits alone, and "${other}" has the same`,
        );
      } else nameByOutput.set(output, name);
    }
    if (typeof secretArn === 'string') {
      if (secretArns.has(secretArn)) {
        add('secretArn', 'take one of the two keys out: a secret belongs to one key');
      }
      secretArns.add(secretArn);
    }
  }
  return issues;
}

/** Created secrets always fit; thirty adopted ones with long names may not. */
function environmentIssues(
  config: Omit<Config, 'tokenEndpoint'>,
  authRatePerSecond: number,
): readonly ConfigIssue[] {
  const schedule = readSchedule(config.schedule);
  const bytes = environmentBytes(
    rotateKeyEnvironment({
      secretArnPrefix: longestSecretArnPrefix,
      keySecrets: config.keys.map((key) => key.secretArn ?? longestCreatedSecretName(key.name)),
      scheduleIntervalSeconds: schedule.ok ? schedule.intervalSeconds : 0,
      refreshAtFraction: config.refreshAtFraction,
      authRatePerSecond,
      eventBus: config.eventBusArn ?? 'default',
      metricsNamespace: config.stackName,
      discoverTag: config.discoverKeysByTag ?? undefined,
    }),
  );
  if (bytes <= environmentLimitBytes) return [];
  return [
    {
      path: `${ROOT}.keys`,
      got: `${config.keys.length} keys that need ${bytes} bytes of the function's environment`,
      remedy:
        `keep it within Lambda's ${environmentLimitBytes} bytes: ` +
        'move some keys to a second stack (another "stackName"), or adopt secrets with shorter names',
    },
  ];
}

function keyNames(keys: unknown): readonly string[] {
  if (!Array.isArray(keys)) return [];
  return keys.flatMap((key: unknown) =>
    isRecord(key) && typeof key.name === 'string' ? [key.name] : [],
  );
}

function pathOf(issue: v.BaseIssue<unknown>): string {
  const steps = (issue.path ?? []).map(({ key }) =>
    typeof key === 'number' ? `[${key}]` : `.${String(key)}`,
  );
  return ROOT + steps.join('');
}
