// The part of dynalite that is used here; the package has no types.
declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** The server does not listen yet. Without a path everything stays in memory. */
  export default function dynalite(options: {
    /** How long tables stay in CREATING. @default 500 */
    readonly createTableMs?: number;
    /** How long tables stay in DELETING. @default 500 */
    readonly deleteTableMs?: number;
    /** How long tables stay in UPDATING. @default 500 */
    readonly updateTableMs?: number;
  }): Server;
}
