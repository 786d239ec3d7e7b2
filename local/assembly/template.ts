// A CloudFormation template, narrowed from JSON: only the sections that the local stack reads.

import * as v from 'valibot';

const resourceSchema = v.looseObject({
  Type: v.string(),
  Properties: v.optional(v.record(v.string(), v.unknown()), {}),
  Metadata: v.optional(v.record(v.string(), v.unknown()), {}),
  Condition: v.optional(v.string()),
  DeletionPolicy: v.optional(v.string()),
});

const templateSchema = v.looseObject({
  Parameters: v.optional(
    v.record(v.string(), v.looseObject({ Default: v.optional(v.unknown()) })),
    {},
  ),
  Mappings: v.optional(
    v.record(v.string(), v.record(v.string(), v.record(v.string(), v.unknown()))),
    {},
  ),
  Conditions: v.optional(v.record(v.string(), v.unknown()), {}),
  Resources: v.record(v.string(), resourceSchema),
  Outputs: v.optional(v.record(v.string(), v.looseObject({ Value: v.unknown() })), {}),
});

export type Template = v.InferOutput<typeof templateSchema>;

/** Anything in a synthesized app that the local stack cannot read, with the place where it stands. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
  readonly code: AssemblyErrorCode;

  constructor(code: AssemblyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * - `synthesis-failed`: the app exited with an error, or annotated a construct with one.
 * - `malformed`: something has not the shape that CloudFormation or the CDK documents.
 * - `unsupported-intrinsic`: a function, or a use of one, that is not imitated here.
 * - `unknown-reference`: a Ref, GetAtt or condition whose target is not in the template.
 * - `unsupported-property`: a property that changes behaviour and is not imitated here.
 * - `value-in-template`: a secret whose value would stand in the template.
 */
export type AssemblyErrorCode =
  | 'synthesis-failed'
  | 'malformed'
  | 'unsupported-intrinsic'
  | 'unknown-reference'
  | 'unsupported-property'
  | 'value-in-template';

/** Narrows `value`, or throws a `malformed` AssemblyError that begins with `where` and names the path. */
export function narrow<const Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  where: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const issues = result.issues.map(
    (issue) => `${v.getDotPath(issue) ?? '(root)'}: ${issue.message}`,
  );
  throw new AssemblyError('malformed', `${where}: ${issues.join('; ')}`);
}

export function parseTemplate(value: unknown): Template {
  return narrow(templateSchema, value, 'template');
}
