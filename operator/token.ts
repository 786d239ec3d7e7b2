// `token`: what a user's token may do, through the very code of the token endpoint; minted only on demand.

import { duration } from '../lambda/rotate-key/wording.ts';
import { systemClock } from '../lambda/shared/clock.ts';
import { field } from '../lambda/shared/field.ts';
import { readClaims } from '../lambda/vend-token/claims.ts';
import {
  type Refusal,
  type Rendered,
  type RenderSettings,
  render,
} from '../lambda/vend-token/render.ts';
import type { Scope } from '../lambda/vend-token/scope.ts';
import { callerEvent, claimFaults, type Described, renderSettings } from './caller.ts';
import { type ExitCode, WELL } from './exit-code.ts';
import { named } from './explain.ts';
import type { PlaceOptions } from './place.ts';
import { Problem } from './problem.ts';
import { permissionWords, wireMessage } from './scope-words.ts';
import type { Terminal } from './terminal.ts';

export interface TokenOptions extends PlaceOptions {
  readonly as: readonly string[];
  readonly claim: readonly string[];
  readonly json?: boolean;
  readonly mint?: boolean;
}

export async function token(
  options: TokenOptions,
  terminal: Terminal,
  projectDirectory: string,
): Promise<ExitCode> {
  const settings = await terminal.progress('Reading the policies', () =>
    readPolicies(projectDirectory),
  );
  const described: Described = { roles: options.as, claims: options.claim };
  const nowSeconds = Math.floor(systemClock.now() / 1000);
  const event = callerEvent(described, settings, nowSeconds);
  const rendered = render(readClaims(event, settings.authType), nowSeconds, settings);

  if (rendered.kind !== 'scope') {
    if (options.json) terminal.print(JSON.stringify(refusalJson(rendered), null, 2));
    throw refused(rendered, described, settings);
  }
  const { scope, lifeSeconds } = rendered;
  if (options.mint) {
    const { mintToken } = await import('./mint-token.ts');
    for (const line of scopeLines(rendered, terminal.noteColours)) terminal.note(line);
    const minted = await mintToken(scope, lifeSeconds, options, terminal, projectDirectory);
    terminal.note(
      `${terminal.noteColours.yellow('!')} What follows is a credential, and nobody can revoke it before it ends: keep it out of files and logs.`,
    );
    terminal.printCredential(minted);
    return WELL;
  }
  if (options.json) terminal.print(JSON.stringify(scopeJson(rendered), null, 2));
  else for (const line of scopeText(rendered, terminal.colours)) terminal.print(line);
  return WELL;
}

/** Throws `Problem`. */
async function readPolicies(projectDirectory: string): Promise<RenderSettings> {
  const { configuredContext } = await import('./configured.ts');
  const context = configuredContext(projectDirectory);
  const { parseConfig } = await import('../lib/config.ts');
  let endpoint: ReturnType<typeof parseConfig>['tokenEndpoint'];
  try {
    endpoint = parseConfig(context, projectDirectory).tokenEndpoint;
  } catch (cause) {
    if (named(cause).name !== 'ConfigError') throw cause;
    throw new Problem(named(cause).message.trim(), {
      next: 'Mend it in cdk.json or the policies.',
      cause,
    });
  }
  if (endpoint !== false) return renderSettings(endpoint);
  throw new Problem('The configuration leaves the token endpoint out: there are no policies.', {
    next: 'Take "tokenEndpoint": false out of cdk.json',
  });
}

type Allowed = Extract<Rendered, { kind: 'scope' }>;
type Denied = Exclude<Rendered, { kind: 'scope' }>;

function scopeLines(
  { scope, lifeSeconds, roles }: Allowed,
  { bold, green }: Pick<Terminal['colours'], 'bold' | 'green'>,
): readonly string[] {
  const id =
    scope.tokenId === undefined
      ? 'without a token id'
      : `with the token id ${JSON.stringify(scope.tokenId)}`;
  return [
    `${bold(roles.join(', '))}: a token for ${duration(lifeSeconds)}, ${id}. It may`,
    ...scope.permissions.map((permission) => `  ${green('✓')} ${permissionWords(permission)}`),
    '  and nothing else.',
  ];
}

function scopeText(allowed: Allowed, colours: Terminal['colours']): readonly string[] {
  const { method, decoded, base64 } = wireMessage(allowed.scope, allowed.lifeSeconds);
  return [
    ...scopeLines(allowed, colours),
    '',
    colours.dim(
      `As it travels, ${method}, ${Buffer.from(base64, 'base64').byteLength} bytes without the key:`,
    ),
    ...permissionsOf(decoded).map((permission) => `  ${JSON.stringify(permission)}`),
  ];
}

function permissionsOf(decoded: unknown): readonly unknown[] {
  const found = field(field(field(decoded, 'permissions'), 'explicit'), 'permissions');
  return Array.isArray(found) ? found : [decoded];
}

/** Published (docs/operator.md). */
function scopeJson({ scope, lifeSeconds, roles, tenant }: Allowed) {
  return {
    allowed: true,
    roles,
    lifeSeconds,
    tokenId: scope.tokenId ?? null,
    claims: tenant,
    permissions: scope.permissions.map((permission: Scope['permissions'][number]) => ({
      ...permission,
      words: permissionWords(permission),
    })),
    wire: wireMessage(scope, lifeSeconds),
  };
}

/** Published (docs/operator.md). */
function refusalJson(denied: Denied) {
  return denied.kind === 'refused'
    ? { allowed: false, status: 403, code: 'forbidden', reason: denied.reason, roles: denied.roles }
    : {
        allowed: false,
        status: 500,
        code: 'bad-policy',
        reason: denied.problem,
        roles: denied.roles,
      };
}

function refused(denied: Denied, described: Described, settings: RenderSettings): Problem {
  if (denied.kind === 'bad-policy') {
    return new Problem(`bad-policy (500): ${denied.problem}`, { next: 'Mend the policies.' });
  }
  const because = (sentence: string, next?: string) =>
    new Problem(`forbidden (403), ${denied.reason}: ${sentence}`, { next });
  const reason: Refusal = denied.reason;
  switch (reason) {
    case 'no-role':
      return because(
        `none of the groups is a role of the policies, which are ${Object.keys(settings.policies.roles).join(', ')}.`,
        'Give one of them with --as.',
      );
    case 'claim-missing-or-not-allowed': {
      const faults = claimFaults(described, settings);
      const missing = faults.filter(({ fault }) => fault === 'missing').map(({ claim }) => claim);
      if (missing.length > 0) {
        return because(
          `the policies need the claim${missing.length === 1 ? '' : 's'} ${missing.join(', ')}.`,
          `Add ${missing.map((claim) => `--claim ${claim}=value`).join(' ')}`,
        );
      }
      const [wrong] = faults;
      return because(
        wrong === undefined
          ? 'the token id is longer than Momento takes.'
          : `the value of ${wrong.claim} may not stand in a name: 1 to 128 letters of a to z, digits and ._@+=-`,
      );
    }
    case 'caller-token-ends':
      return because('his login token ends too soon for a token that is worth anything.');
    case 'wrong-token-use':
      return because(`only login tokens with token_use ${settings.tokenUse} are taken.`);
    case 'not-authenticated':
      return because('his login token does not say when it ends.');
  }
}
