// What cdk.json says, as far as a verb needs it: names alone, so that a mistake elsewhere in it stops nothing.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { Problem } from './problem.ts';

const DEFAULT_STACK_NAME = 'MomentoAuth';

const CdkJson = v.looseObject({
  context: v.optional(v.looseObject({ momentoAuth: v.optional(v.unknown()) }), {}),
});
const StackName = v.looseObject({ stackName: v.string() });
const KeyNames = v.looseObject({ keys: v.array(v.looseObject({ name: v.string() })) });

/** The context object `momentoAuth` as it stands there, unchecked. Throws `Problem`. */
export function configuredContext(projectDirectory: string): unknown {
  const path = join(projectDirectory, 'cdk.json');
  try {
    const read = v.safeParse(CdkJson, JSON.parse(readFileSync(path, 'utf8')));
    return read.success ? read.output.context.momentoAuth : undefined;
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new Problem(`cdk.json cannot be read: ${said}`, {
      next: 'Mend cdk.json, or run the command in the checkout of the stack.',
      cause,
    });
  }
}

export function configuredStackName(projectDirectory: string): string {
  const read = v.safeParse(StackName, configuredContext(projectDirectory));
  return read.success ? read.output.stackName : DEFAULT_STACK_NAME;
}

/** Empty when it does not say. Never throws: names are for show. */
export function configuredKeyNames(projectDirectory: string): readonly string[] {
  try {
    const read = v.safeParse(KeyNames, configuredContext(projectDirectory));
    return read.success ? read.output.keys.map(({ name }) => name) : [];
  } catch {
    return [];
  }
}
