// The items of one cache as a synchronous state machine: values, dictionaries and lists that live until their time.
//
//   key ─► value                 set, delete, increment, setIf
//       ─► dictionary            gone when its last field is
//       ─► list                  gone when its last value is
//
// An item is gone from the very millisecond that its life ends. Whether a caller may do any of it was
// decided before (access.ts).

import { MomentoRefusal } from './refusal.ts';

/** How long a collection lives. An existing one keeps its time unless `refresh` is set. */
export interface CollectionLife {
  readonly ttlMs: number;
  readonly refresh: boolean;
}

export interface Field {
  readonly name: Uint8Array;
  readonly value: Uint8Array;
}

interface Value {
  readonly kind: 'value';
  readonly value: Uint8Array;
  readonly expiresAtMs: number;
}

interface Dictionary {
  readonly kind: 'dictionary';
  readonly fields: Map<string, Field>;
  expiresAtMs: number;
}

interface List {
  readonly kind: 'list';
  values: Uint8Array[];
  expiresAtMs: number;
}

type Item = Value | Dictionary | List;

export class Cache {
  readonly #now: () => number;
  readonly #items = new Map<string, Item>();

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws MomentoRefusal FAILED_PRECONDITION for a collection, as every method does for the wrong kind */
  get(key: Uint8Array): Uint8Array | undefined {
    return this.#item(key, 'value')?.value;
  }

  /** Replaces whatever has that key. */
  set(key: Uint8Array, value: Uint8Array, ttlMs: number): void {
    this.#put(key, { kind: 'value', value, expiresAtMs: this.#expiry(ttlMs) });
  }

  /** @returns whether it was stored */
  setIf(
    key: Uint8Array,
    value: Uint8Array,
    ttlMs: number,
    condition: (current: Uint8Array | undefined) => boolean,
  ): boolean {
    if (!condition(this.get(key))) return false;
    this.set(key, value, ttlMs);
    return true;
  }

  delete(key: Uint8Array): void {
    this.#items.delete(text(key));
  }

  exists(key: Uint8Array): boolean {
    return this.#living(key) !== undefined;
  }

  remainingMs(key: Uint8Array): number | undefined {
    const item = this.#living(key);
    return item === undefined ? undefined : item.expiresAtMs - this.#now();
  }

  /**
   * An absent value counts as 0. The new value lives for `ttlMs`.
   * @throws MomentoRefusal FAILED_PRECONDITION if the value is no whole number, or the sum too large
   */
  increment(key: Uint8Array, amount: number, ttlMs: number): number {
    const sum = added(this.get(key), amount);
    this.set(key, encoder.encode(`${sum}`), ttlMs);
    return sum;
  }

  /** The fields in the order in which they were first set; undefined if there is no such dictionary. */
  dictionary(key: Uint8Array): readonly Field[] | undefined {
    const item = this.#item(key, 'dictionary');
    return item === undefined ? undefined : [...item.fields.values()];
  }

  dictionaryField(key: Uint8Array, name: Uint8Array): Uint8Array | undefined {
    return this.#item(key, 'dictionary')?.fields.get(text(name))?.value;
  }

  dictionarySet(key: Uint8Array, fields: readonly Field[], life: CollectionLife): void {
    if (fields.length === 0) return;
    const dictionary = this.#collection<Dictionary>(
      key,
      this.#item(key, 'dictionary'),
      (expiresAtMs) => ({ kind: 'dictionary', fields: new Map(), expiresAtMs }),
      life,
    );
    for (const field of fields) dictionary.fields.set(text(field.name), field);
  }

  /** An absent field counts as 0. */
  dictionaryIncrement(
    key: Uint8Array,
    name: Uint8Array,
    amount: number,
    life: CollectionLife,
  ): number {
    const sum = added(this.dictionaryField(key, name), amount);
    this.dictionarySet(key, [{ name, value: encoder.encode(`${sum}`) }], life);
    return sum;
  }

  dictionaryRemove(key: Uint8Array, names: readonly Uint8Array[]): void {
    const fields = this.#item(key, 'dictionary')?.fields;
    if (fields === undefined) return;
    for (const name of names) fields.delete(text(name));
    if (fields.size === 0) this.delete(key);
  }

  list(key: Uint8Array): readonly Uint8Array[] | undefined {
    return this.#item(key, 'list')?.values;
  }

  /**
   * @param keepAtMost what is over that is dropped at the other end; 0: everything is kept
   * @returns the new length
   */
  listPush(
    key: Uint8Array,
    end: 'front' | 'back',
    value: Uint8Array,
    keepAtMost: number,
    life: CollectionLife,
  ): number {
    const list = this.#collection<List>(
      key,
      this.#item(key, 'list'),
      (expiresAtMs) => ({ kind: 'list', values: [], expiresAtMs }),
      life,
    );
    const whole = end === 'front' ? [value, ...list.values] : [...list.values, value];
    const keep = keepAtMost === 0 ? whole.length : keepAtMost;
    list.values = end === 'front' ? whole.slice(0, keep) : whole.slice(-keep);
    return list.values.length;
  }

  /** The value and how many are left; undefined if there is no such list. */
  listPop(
    key: Uint8Array,
    end: 'front' | 'back',
  ): { readonly value: Uint8Array; readonly length: number } | undefined {
    const values = this.#item(key, 'list')?.values;
    const value = end === 'front' ? values?.shift() : values?.pop();
    if (values === undefined || value === undefined) return undefined;
    if (values.length === 0) this.delete(key);
    return { value, length: values.length };
  }

  #living(key: Uint8Array): Item | undefined {
    const item = this.#items.get(text(key));
    if (item === undefined || this.#now() < item.expiresAtMs) return item;
    this.delete(key);
    return undefined;
  }

  #item<Kind extends Item['kind']>(
    key: Uint8Array,
    kind: Kind,
  ): Extract<Item, { kind: Kind }> | undefined {
    const item = this.#living(key);
    if (item === undefined || isOf(item, kind)) return item;
    throw new MomentoRefusal('FAILED_PRECONDITION', `The item is a ${item.kind}, not a ${kind}`);
  }

  #collection<Collection extends Dictionary | List>(
    key: Uint8Array,
    existing: Collection | undefined,
    make: (expiresAtMs: number) => Collection,
    { ttlMs, refresh }: CollectionLife,
  ): Collection {
    const expiresAtMs = this.#expiry(ttlMs);
    if (existing === undefined) return this.#put(key, make(expiresAtMs));
    if (refresh) existing.expiresAtMs = expiresAtMs;
    return existing;
  }

  #put<Put extends Item>(key: Uint8Array, item: Put): Put {
    this.#items.set(text(key), item);
    return item;
  }

  #expiry(ttlMs: number): number {
    if (!(ttlMs > 0)) {
      throw new MomentoRefusal('INVALID_ARGUMENT', 'A time to live is 1 millisecond or more');
    }
    return this.#now() + ttlMs;
  }
}

const encoder = new TextEncoder();

/** One character per byte: equal for equal bytes alone. */
function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function isOf<Kind extends Item['kind']>(
  item: Item,
  kind: Kind,
): item is Extract<Item, { kind: Kind }> {
  return item.kind === kind;
}

function added(current: Uint8Array | undefined, amount: number): number {
  const digits = current === undefined ? '0' : Buffer.from(current).toString('latin1');
  const sum = Number(digits) + amount;
  if (!/^[+-]?\d+$/.test(digits) || !Number.isSafeInteger(sum)) {
    throw new MomentoRefusal(
      'FAILED_PRECONDITION',
      'Only a whole number can be incremented, and only up to 2^53',
    );
  }
  return sum;
}
