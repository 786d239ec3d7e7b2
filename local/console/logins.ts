// As whom one can log in on the page: the demonstration users, and a few whom the endpoint must refuse.

import type { DemonstrationUser } from '../identity/demonstration-users.ts';
import type { LoginOptions } from '../identity/identity.ts';
import type { Login } from './told.ts';

export interface LoginChoice extends Omit<Login, 'isNeeded'> {
  readonly user: string;
  readonly options: LoginOptions;
}

/** Short enough that one can watch a token being renewed; long enough for Momento's whole seconds. */
const SHORT_LOGIN_SECONDS = 60;

/** @param groupsClaim holds a user's groups */
export function loginChoices(
  users: readonly DemonstrationUser[],
  groupsClaim: string,
): LoginChoice[] {
  const [first] = users;
  if (first === undefined) return [];
  const { name: user, attributes } = first;
  const [tenantClaim] = Object.keys(attributes);
  const group = (groups: readonly string[]) =>
    groups.length === 0 ? '' : ` (${groups.join(', ')})`;
  return [
    ...users.map(({ name, groups }) => ({
      id: name,
      user: name,
      label: name,
      hint:
        groups.length === 0 ? 'In no group.' : `In the group${group(groups)}.`.replace(/[()]/g, ''),
      options: {},
    })),
    {
      id: 'short',
      user,
      label: `${user}, logged in for a minute`,
      hint: 'No token outlives its login: watch this one being renewed twice a minute.',
      options: { lifetimeSeconds: SHORT_LOGIN_SECONDS },
    },
    {
      id: 'no-group',
      user,
      label: `${user}, but in no group`,
      hint: 'The policies refuse: 403.',
      options: { claims: { [groupsClaim]: undefined } },
    },
    ...(tenantClaim === undefined
      ? []
      : [
          {
            id: 'strange-tenant',
            user,
            label: `${user}, of a tenant “*”`,
            hint: 'A claim that is no plain name is refused: 403, the same as any other.',
            options: { claims: { [tenantClaim]: '*' } },
          },
        ]),
    {
      id: 'expired',
      user,
      label: `${user}, whose login has ended`,
      hint: 'The gateway refuses: 401, and the function is not called.',
      options: { lifetimeSeconds: -60 },
    },
  ];
}
