// What the configuration's schema is made of: closed objects, texts and numbers that say what to write.
import * as v from 'valibot';
import { nearestName } from './nearest-name.ts';

/** A schema that takes anything in. */
export type Field<TOutput> = v.GenericSchema<unknown, TOutput>;

/** An object that has no other properties than these, whose every stranger is reported. */
export function closed<const TEntries extends v.ObjectEntries>(
  entries: TEntries,
  requiredRemedy = 'write this property',
): Field<v.InferOutput<v.ObjectSchema<TEntries, undefined>>> {
  const known = Object.keys(entries);
  return v.pipe(
    v.custom<Record<string, unknown>>(isRecord, `write an object with any of ${known.join(', ')}`),
    v.looseObject(entries, requiredRemedy),
    v.rawCheck(({ dataset, addIssue }) => {
      const value: unknown = dataset.value;
      if (!isRecord(value)) return;
      for (const name of Object.keys(value).filter((name) => !known.includes(name))) {
        const nearest = nearestName(name, known);
        addIssue({
          message:
            nearest === undefined
              ? `take it out; there are ${known.join(', ')}`
              : `write "${nearest}", or take it out`,
          path: [at(value, name)],
          // Never its value: who pastes an API key into the wrong place must not find it in a log.
          received: 'a property that does not exist',
        });
      }
    }),
  );
}

export function text(pattern: RegExp, remedy: string) {
  return v.pipe(v.string(remedy), v.regex(pattern, remedy));
}

export function optionalText(pattern: RegExp, remedy: string) {
  return v.optional(text(pattern, remedy));
}

export function number(isValid: (value: number) => boolean, remedy: string) {
  return v.pipe(
    v.number(remedy),
    v.check((value) => Number.isFinite(value) && isValid(value), remedy),
  );
}

export function wholeNumber(least: number, most: number, example: number) {
  return number(
    (value) => Number.isInteger(value) && value >= least && value <= most,
    `write a whole number from ${least} to ${most}, as ${example}`,
  );
}

/** Texts of one kind, each once. */
export function listOf(item: Field<string>, remedy: string, onceRemedy: string) {
  return v.pipe(
    v.array(item, remedy),
    v.check((items) => new Set(items).size === items.length, onceRemedy),
  );
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The step of an issue's path to a property. */
export function at(input: Record<string, unknown>, key: string): v.ObjectPathItem {
  return { type: 'object', origin: 'value', input, key, value: input[key] };
}

/** A value as a message shows it: JSON, cut short. */
export function show(value: unknown): string {
  const json = JSON.stringify(value) ?? 'nothing';
  return json.length <= 100 ? json : `${json.slice(0, 99)}…`;
}
