// What the server tells the page. Types alone: both sides import them. No secret ever has a place here.

/** Times are epoch milliseconds by the server's clock. */
export interface Version {
  readonly id: string;
  readonly origin: 'imported' | 'rotated';
  readonly createdAtMs: number;
  /** Null for a key that never ends. */
  readonly endsAtMs: number | null;
  /** From when on it is renewed, as the function has said; null until it has. */
  readonly dueAtMs: number | null;
  /** When applications began to read it; null while it waits. */
  readonly currentFromMs: number | null;
  /** When another one took its place. */
  readonly replacedAtMs: number | null;
  /** When it was revoked from this page. */
  readonly revokedAtMs: number | null;
  readonly labels: readonly string[];
}

export interface Key {
  readonly name: string;
  /** Oldest first. */
  readonly versions: readonly Version[];
  readonly lastResult: { readonly outcome: string; readonly atMs: number } | null;
}

/** `check` is a run that had nothing to do; `note` says what the page itself did. */
export type EntryKind =
  | 'check'
  | 'imported'
  | 'rotated'
  | 'healed'
  | 'failed'
  | 'fault'
  | 'denied'
  | 'alarm'
  | 'over'
  | 'event'
  | 'token'
  | 'refused'
  | 'note';

export interface Entry {
  readonly id: number;
  readonly atMs: number;
  readonly kind: EntryKind;
  /** Null for what concerns no key, or all of them. */
  readonly key: string | null;
  readonly sentence: string;
}

export interface AlarmSpan {
  readonly name: string;
  readonly description: string;
  readonly fromMs: number;
  /** Null while it lasts. */
  readonly untilMs: number | null;
}

/** What was put in the way, and until when: null is until it strikes. */
export interface FaultSpan {
  readonly fault: 'kill-next-rotation' | 'momento-away' | 'writes-refused';
  readonly fromMs: number;
  readonly untilMs: number | null;
  readonly isOver: boolean;
}

export interface Login {
  readonly id: string;
  readonly label: string;
  /** What to expect, where it is not simply a token. */
  readonly hint: string;
  /** False for an endpoint that lets everyone in. */
  readonly isNeeded: boolean;
}

/** Sent at every connection, and never again. */
export interface Snapshot {
  /** Another one after a restart: nothing that the page holds is then worth anything. */
  readonly stackId: string;
  readonly stackName: string;
  readonly schedule: string;
  readonly timeScale: number;
  /** Epoch milliseconds: for the difference between the clocks. */
  readonly nowMs: number;
  /** Where the browser finds Momento. */
  readonly momentoUrl: string;
  /** Null without a token endpoint. */
  readonly tokenEndpointUrl: string | null;
  readonly logins: readonly Login[];
  /** Values by which the demonstration users' tenants differ. */
  readonly tenants: readonly string[];
  readonly keys: readonly Key[];
  readonly entries: readonly Entry[];
  readonly alarms: readonly AlarmSpan[];
  readonly faults: readonly FaultSpan[];
}

/** What changed, whole: each replaces what was there, but `entry`, which is added. */
export type News =
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  | { readonly kind: 'keys'; readonly keys: readonly Key[] }
  | { readonly kind: 'entry'; readonly entry: Entry }
  | { readonly kind: 'alarms'; readonly alarms: readonly AlarmSpan[] }
  | { readonly kind: 'faults'; readonly faults: readonly FaultSpan[] };

/** The answer to a login: the user's own ID token, and what it says. */
export interface LoggedIn {
  readonly idToken: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

export interface PermissionInWords {
  readonly sentence: string;
  /** Field by field as it stands in the minted token. */
  readonly wire: string;
  readonly cache: string | null;
  readonly target:
    | { readonly kind: 'key'; readonly name: string; readonly isPrefix: boolean }
    | { readonly kind: 'topic'; readonly name: string; readonly isPrefix: boolean }
    | null;
}

/** What local Momento knows of a token that it minted. */
export interface TokenInWords {
  readonly tokenId: string;
  readonly lifetimeSeconds: number;
  readonly permissions: readonly PermissionInWords[];
}

export type Operation = 'read' | 'write' | 'delete' | 'publish' | 'subscribe';

export interface Reason {
  readonly allowed: boolean;
  readonly sentence: string;
  /** Which of the token's permissions decided it. */
  readonly permission: number | null;
}

export const FAULTS = [
  'kill-next-rotation',
  'momento-away',
  'writes-refused',
  'revoke-key',
  'import-key',
  'tick',
  'rotate-now',
] as const;
export type FaultName = (typeof FAULTS)[number];
