// Who may invoke which function (AWS::Lambda::Permission, the functions' resource policies).

import * as v from 'valibot';
import type { ResolvedTemplate } from './intrinsics.ts';
import { narrow } from './template.ts';

export interface InvokePermission {
  readonly logicalId: string;
  /** Name or ARN, as the template writes it. */
  readonly functionNameOrArn: string;
  readonly action: string;
  /** A service (`events.amazonaws.com`), an account, or `*`. */
  readonly principal: string;
  /** May hold the wildcards of ArnLike; null admits every source of the principal. */
  readonly sourceArn: string | null;
  readonly sourceAccount: string | null;
}

const permissionSchema = v.looseObject({
  FunctionName: v.string(),
  Action: v.string(),
  Principal: v.string(),
  SourceArn: v.optional(v.string()),
  SourceAccount: v.optional(v.string()),
});

export function readPermissions(template: ResolvedTemplate): InvokePermission[] {
  return template.resources('AWS::Lambda::Permission').map(({ logicalId, properties }) => {
    const read = narrow(permissionSchema, properties, logicalId);
    return {
      logicalId,
      functionNameOrArn: read.FunctionName,
      action: read.Action,
      principal: read.Principal,
      sourceArn: read.SourceArn ?? null,
      sourceAccount: read.SourceAccount ?? null,
    };
  });
}

export interface Invoker {
  readonly principal: string;
  readonly sourceArn: string;
}

/** Whether a service may invoke the function on behalf of `sourceArn`: without a permission, never. */
export function mayInvoke(
  permissions: readonly InvokePermission[],
  target: { readonly name: string; readonly arn: string },
  { principal, sourceArn }: Invoker,
): boolean {
  return permissions.some(
    (permission) =>
      [target.name, target.arn].includes(permission.functionNameOrArn) &&
      ['lambda:InvokeFunction', 'lambda:*'].includes(permission.action) &&
      ['*', principal].includes(permission.principal) &&
      (permission.sourceArn === null || arnLike(permission.sourceArn, sourceArn)) &&
      (permission.sourceAccount === null || permission.sourceAccount === sourceArn.split(':')[4]),
  );
}

/** IAM's ArnLike: `*` and `?` in each of the six parts, and no `*` reaches over a colon of the first five. */
export function arnLike(pattern: string, arn: string): boolean {
  const patternParts = arnParts(pattern);
  const parts = arnParts(arn);
  return (
    parts.length === 6 &&
    patternParts.length === 6 &&
    patternParts.every((part, index) => wildcard(part).test(parts[index] ?? ''))
  );
}

function arnParts(arn: string): string[] {
  const parts = arn.split(':');
  return parts.length < 6 ? parts : [...parts.slice(0, 5), parts.slice(5).join(':')];
}

function wildcard(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}
