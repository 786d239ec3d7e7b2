// The part of the configuration about the token endpoint: who may ask, from where, for what, how often.
import * as v from 'valibot';
import {
  at,
  closed,
  type Field,
  isRecord,
  listOf,
  number,
  optionalText,
  show,
  text,
  wholeNumber,
} from './config-fields.ts';

const authTypes = ['cognito', 'jwt', 'lambda', 'none'];
const authTypeRemedy = `write one of ${authTypes.map(show).join(', ')}`;
const attributeRemedy =
  'write names without "custom:", of 1 to 20 letters, digits, "-" and "_", as ["tenantId"]';
const clientsRemedy = 'write an array with the ids of app clients of the pool';
const audienceRemedy = 'write the audience, or an array of 1 to 50, as the issuer writes "aud"';
const issuerRemedy =
  'write the issuer exactly as its tokens have "iss", an https URL, as "https://login.example.com/"';
const roleRemedy = 'write the name of a role of the policies';
const publicRemedy =
  'write true once it is meant: everyone who knows the address gets a Momento token';
const originRemedy =
  'write scheme and host alone, in small letters and without a default port or a path, as ' +
  '"https://app.example.com"; or "*" for every origin';
const sharingRemedy = 'write true, false, or {"whileLifeLeft": 0.5}';
const domainRemedy =
  'write a host name in small letters, as "tokens.example.com", and the ARN of its certificate';

/** Callers log in to a Cognito user pool; its ID tokens are taken and no others. */
const cognitoAuth = v.pipe(
  closed({
    type: v.literal('cognito'),

    /**
     * Custom attributes of the pool that policies may use, as `${custom:tenantId}`. Cognito never
     * gives one up and never changes one: add to the list, and take nothing away.
     *
     * @default ["tenantId"]
     */
    customAttributes: v.optional(
      v.pipe(
        listOf(
          text(/^[A-Za-z][A-Za-z0-9_-]{0,19}$/, attributeRemedy),
          attributeRemedy,
          'name each attribute once',
        ),
        v.maxLength(50, 'write at most 50: a user pool has no more'),
      ),
      ['tenantId'],
    ),

    /**
     * Id of a user pool to adopt, with `clientIds`. Nothing about it is changed: its groups, and
     * that no app client may write an attribute that a policy uses, are its owner's care.
     *
     * @default - a new pool, which outlives the stack, with a group per role of the policies
     */
    userPoolId: optionalText(
      /^[a-z]{2}(-[a-z]+)+-\d_[A-Za-z0-9]{1,46}$/,
      'write the id of a user pool, as "eu-west-1_AbCdEfGhI"',
    ),

    /**
     * Ids of the adopted pool's app clients whose tokens are taken.
     *
     * @default - a new app client, without a secret
     */
    clientIds: v.optional(
      v.pipe(
        listOf(text(/^[A-Za-z0-9]{1,128}$/, clientsRemedy), clientsRemedy, 'name each client once'),
        v.nonEmpty(clientsRemedy),
      ),
    ),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    const auth: unknown = dataset.value;
    if (!isRecord(auth) || (auth.userPoolId === undefined) === (auth.clientIds === undefined)) {
      return;
    }
    const missing = auth.userPoolId === undefined ? 'userPoolId' : 'clientIds';
    addIssue({
      message:
        'to adopt a user pool write both "userPoolId" and "clientIds"; for a new one neither',
      path: [at(auth, missing)],
      received: 'nothing',
    });
  }),
);

/** Callers bring tokens of any OpenID Connect issuer. */
const jwtAuth = closed(
  {
    type: v.literal('jwt'),

    /** The issuer, exactly as in its tokens; API Gateway reads its keys from there. */
    issuer: v.pipe(text(/^https:\/\/[^\s/?#@]+[^\s?#]*$/, issuerRemedy)),

    /** What `aud` (or, without one, `client_id`) of a token must name: one of these. */
    audience: v.pipe(
      v.union([v.string(), v.array(v.string())], audienceRemedy),
      v.transform((audience) => (typeof audience === 'string' ? [audience] : audience)),
      v.check(
        (audience) =>
          audience.length >= 1 &&
          audience.length <= 50 &&
          audience.every((it) => /^\S+$/.test(it)) &&
          new Set(audience).size === audience.length,
        audienceRemedy,
      ),
    ),

    /**
     * What the claim `token_use` must say, where the issuer sets it: API Gateway itself does not
     * tell an ID token from an access token.
     *
     * @default - it is not looked at
     */
    tokenUse: optionalText(/^[A-Za-z0-9_.-]{1,64}$/, 'write "id" or "access", as the issuer does'),
  },
  'write both "issuer" and "audience"',
);

/** Callers are whoever an authorizer of yours lets in; its context is the claims. */
const lambdaAuth = closed(
  {
    type: v.literal('lambda'),

    /**
     * ARN of the authorizer, a function of the stack's account and Region, or one of its aliases
     * or versions. It answers in the simple form: `{"isAuthorized", "context"}`.
     */
    functionArn: text(
      /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,140}(:[A-Za-z0-9_$-]{1,128})?$/,
      'write the ARN of a function, as "arn:aws:lambda:REGION:ACCOUNT:function:NAME"',
    ),
  },
  'write the ARN of the authorizer',
);

/** Whoever knows the address gets a token. */
const noAuth = closed(
  {
    type: v.literal('none'),

    /** The role of the policies that everyone has. It cannot use claims. */
    role: v.pipe(v.string(roleRemedy), v.nonEmpty(roleRemedy)),

    /** The acknowledgement that the endpoint is open to everyone. */
    acknowledgePublic: v.literal(true, publicRemedy),
  },
  `write "role" and "acknowledgePublic": ${publicRemedy}`,
);

/** Chosen by `type`, so that the issues are those of one kind and not of all. */
const authSchema = v.lazy(
  (
    input,
  ): Field<
    | v.InferOutput<typeof cognitoAuth>
    | v.InferOutput<typeof jwtAuth>
    | v.InferOutput<typeof lambdaAuth>
    | v.InferOutput<typeof noAuth>
  > => {
    switch (isRecord(input) ? input.type : undefined) {
      case 'jwt':
        return jwtAuth;
      case 'lambda':
        return lambdaAuth;
      case 'none':
        return noAuth;
      case 'cognito':
        return cognitoAuth;
      default:
        return unknownAuth;
    }
  },
);

const unknownAuth: Field<never> = v.pipe(
  v.custom<never>(isRecord, 'write an object with "type" and what that needs'),
  v.rawCheck(({ dataset, addIssue }) => {
    const auth: unknown = dataset.value;
    if (!isRecord(auth)) return;
    addIssue({ message: authTypeRemedy, path: [at(auth, 'type')], received: show(auth.type) });
  }),
);

const domainSchema = closed(
  {
    /** The host name, as "tokens.example.com". */
    name: text(/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/, domainRemedy),

    /** ARN of its certificate in Certificate Manager, in the stack's Region. */
    certificateArn: text(
      /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[a-z0-9-]{1,64}$/,
      'write the ARN of a certificate, as "arn:aws:acm:REGION:ACCOUNT:certificate/ID"',
    ),

    /**
     * Id of the Route 53 zone that gets the alias record.
     *
     * @default - no record: make one that points to the output `TokenEndpointDnsTarget`
     */
    hostedZoneId: optionalText(/^Z[A-Z0-9]{1,31}$/, 'write the id of a zone, as "Z0123456789ABC"'),
  },
  domainRemedy,
);

const sharingOptions = closed({
  /**
   * The part of its life that a token must have left to be handed to the next caller; 0.1 to 0.9.
   * With less, fewer tokens are made, and callers come back sooner.
   *
   * @default 0.5
   */
  whileLifeLeft: v.optional(
    number((part) => part >= 0.1 && part <= 0.9, 'write a number from 0.1 to 0.9, as 0.5'),
    0.5,
  ),
});

/** As an object where there is sharing, so that the defaults stand in one place. */
const sharingSchema = v.lazy(
  (input): Field<false | v.InferOutput<typeof sharingOptions>> =>
    isRecord(input)
      ? sharingOptions
      : v.pipe(
          v.boolean(sharingRemedy),
          v.transform((shares) => shares && v.parse(sharingOptions, {})),
        ),
);

const endpointSchema = closed({
  /**
   * Who may ask: `{"type": "cognito"}`, `"jwt"`, `"lambda"` or `"none"`, each with what it needs.
   *
   * @default { "type": "cognito", "customAttributes": ["tenantId"] }
   */
  auth: v.optional(authSchema, { type: 'cognito' }),

  /**
   * Origins of web pages that may ask, as `["https://app.example.com"]`; `["*"]` for every one.
   *
   * @default [], none: there are no CORS headers
   */
  allowedOrigins: v.optional(
    v.pipe(
      listOf(
        v.pipe(v.string(originRemedy), v.check(isOrigin, originRemedy)),
        'write an array of origins, as ["https://app.example.com"]',
        'name each origin once',
      ),
      v.check(
        (origins) => origins.length === 1 || !origins.includes('*'),
        'write "*" alone, or take it out',
      ),
    ),
    [],
  ),

  /**
   * Path of the file with the policies, relative to cdk.json. They are checked at synthesis, and
   * become a part of the function.
   *
   * @default "token-policies.json"
   */
  policies: v.optional(text(/\S/, 'write the path of a JSON file'), 'token-policies.json'),

  /**
   * The longest life that a policy may give a token, in seconds; 1 to 90000 (25 hours).
   *
   * @default 3600
   */
  maxLifeSeconds: v.optional(wholeNumber(1, 90_000, 3_600), 3_600),

  /**
   * The most permissions that a token may have; 1 to 20.
   *
   * @default 10
   */
  maxPermissions: v.optional(wholeNumber(1, 20, 10), 10),

  /**
   * Whether callers who may do just the same, for just as long, are given the same token while it is
   * fresh: what Momento lets the account make is then enough for any number of them. The tokens are
   * kept, sealed, in a DynamoDB table; `false` leaves it out, and makes a token for each request.
   *
   * @default true, which is {"whileLifeLeft": 0.5}
   */
  sharing: v.optional(sharingSchema, true),

  /**
   * Requests that API Gateway lets through, from all callers together: a steady rate, and how many
   * at once on top of an idle moment.
   *
   * @default { "ratePerSecond": 100, "burst": 200 }
   */
  throttle: v.optional(
    closed({
      ratePerSecond: v.optional(
        number((rate) => rate > 0 && rate <= 10_000, 'write a number above 0, at most 10000'),
        100,
      ),
      burst: v.optional(wholeNumber(1, 5_000, 200), 200),
    }),
    {},
  ),

  /**
   * A host name of your own: `{"name", "certificateArn"}`, and `"hostedZoneId"` for its record.
   *
   * @default null, the name that API Gateway gives
   */
  domain: v.optional(v.nullable(domainSchema), null),
});

/** `false` leaves the endpoint out. */
export const tokenEndpointSchema = v.lazy(
  (input): Field<false | v.InferOutput<typeof endpointSchema>> =>
    input === false || input === true || input === null
      ? v.literal(false, 'write false to leave the token endpoint out, or an object')
      : endpointSchema,
);

/** Who may ask for tokens. */
export type TokenAuth = v.InferOutput<typeof authSchema>;
export type CognitoAuth = v.InferOutput<typeof cognitoAuth>;
/** The token endpoint, as configured. */
export type TokenEndpointOptions = v.InferOutput<typeof endpointSchema>;

/** As browsers write it: anything else would match no request, and nobody would know why. */
function isOrigin(origin: string): boolean {
  if (origin === '*') return true;
  const [, scheme] =
    /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?$/.exec(origin) ?? [];
  if (scheme === undefined || !URL.canParse(origin)) return false;
  return !/^https?$/.test(scheme) || new URL(origin).origin === origin;
}
