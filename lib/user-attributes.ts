// What Cognito's ID tokens say of a user, and what of it he may write himself.
import { ClientAttributes, type StandardAttributesMask } from 'aws-cdk-lib/aws-cognito';
import { claimsReadBy, type TokenPolicies } from '../lambda/shared/token-policies.ts';

/**
 * Standard attributes whose values can stand in a name, by their claim. Addresses of pages and the
 * like are not here: they have characters that no claim in a name may have.
 */
const standardAttributes = {
  email: 'email',
  name: 'fullname',
  given_name: 'givenName',
  family_name: 'familyName',
  middle_name: 'middleName',
  nickname: 'nickname',
  preferred_username: 'preferredUsername',
  phone_number: 'phoneNumber',
  gender: 'gender',
  birthdate: 'birthdate',
  locale: 'locale',
} as const satisfies Record<string, keyof StandardAttributesMask>;

type StandardAttribute = keyof typeof standardAttributes;

const standardNames = Object.keys(standardAttributes) as readonly StandardAttribute[];

/** What users may write about themselves, as long as no policy reads it. */
export const writableAttributes: readonly StandardAttribute[] = ['given_name', 'family_name'];

/** The claims that policies may read, with these custom attributes. */
export function cognitoClaims(customAttributes: readonly string[]): readonly string[] {
  return [
    ...customAttributes.map((name) => `custom:${name}`),
    'sub',
    'cognito:username',
    'cognito:groups',
    ...standardNames,
  ];
}

/** The attributes that users may write: none that a policy reads. */
export function attributesUsersMayWrite(policies: TokenPolicies): readonly StandardAttribute[] {
  const claims = claimsReadBy(policies);
  return writableAttributes.filter((attribute) => !claims.includes(attribute));
}

/** The read list of an app client: its ID tokens hold custom attributes only if they are named. */
export function readList(customAttributes: readonly string[]): ClientAttributes {
  return listOf(standardNames).withCustomAttributes(...customAttributes);
}

/**
 * The write list of an app client. Cognito takes an empty list, or none, for all attributes: users
 * could choose their tenant.
 */
export function writeList(policies: TokenPolicies): ClientAttributes {
  const attributes = attributesUsersMayWrite(policies);
  if (attributes.length === 0) throw new Error('users would be able to write every attribute');
  return listOf(attributes);
}

function listOf(names: readonly StandardAttribute[]): ClientAttributes {
  return new ClientAttributes().withStandardAttributes(
    Object.fromEntries(names.map((name) => [standardAttributes[name], true])),
  );
}
