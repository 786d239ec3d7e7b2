// Who may log in: by default two users, of different tenants and different roles.

export interface DemonstrationUser {
  /** What is written to log in. */
  readonly name: string;
  readonly groups: readonly string[];
  /** By claim name, such as `custom:tenantId`. In ID tokens only. */
  readonly attributes: Readonly<Record<string, string>>;
}

export interface DemonstrationUsersOptions {
  /** Names of groups: the first goes to one user, the second to the other. */
  readonly roles: readonly string[];
  /** Claims that tell the tenants apart. @default custom:tenantId */
  readonly tenantClaims?: readonly string[];
}

/** `tenant-a` has the first role, `tenant-b` the second (or the first, where there is but one). */
export function demonstrationUsers({
  roles,
  tenantClaims = ['custom:tenantId'],
}: DemonstrationUsersOptions): DemonstrationUser[] {
  return ['tenant-a', 'tenant-b'].map((tenant, index) => {
    const role = roles[index] ?? roles[0];
    return {
      name: role === undefined ? tenant : `${tenant}-${role}`,
      groups: role === undefined ? [] : [role],
      attributes: Object.fromEntries(tenantClaims.map((claim) => [claim, tenant])),
    };
  });
}
