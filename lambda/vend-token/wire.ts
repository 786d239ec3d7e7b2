// token.Token/GenerateDisposableToken on the wire. Written field by field, and not through the SDK's scope
// objects: those lose the item restriction of a scope that also has a topic (facts of the SDK, 1.118.1). Nor through
// a package: one message is written and one read, by every login that gets a new token (docs/performance.md).
// Encoding: protobuf.dev/programming-guides/encoding. Field numbers: Momento's published token.proto and
// permissionmessages.proto, as @gomomento/generated-types has them; a test decodes with that package whatever this
// one writes.

import type { Permission, Scope } from './scope.ts';

export const METHOD = '/token.Token/GenerateDisposableToken';

export interface DisposableTokenRequest {
  readonly scope: Scope;
  readonly lifeSeconds: number;
  /** The minting key, as it travels: the bare JWT. */
  readonly wireKey: string;
}

export interface DisposableToken {
  /** The bare JWT. */
  readonly apiKey: string;
  readonly endpoint: string;
  /** Epoch seconds. */
  readonly validUntil: number;
}

const ROLE_NUMBER: Readonly<Record<Permission['role'], number>> = {
  readwrite: 1,
  readonly: 2,
  writeonly: 3,
  publishsubscribe: 1,
  subscribeonly: 2,
  publishonly: 3,
  invoke: 1,
};

export function encodeRequest({ scope, lifeSeconds, wireKey }: DisposableTokenRequest): Uint8Array {
  const permissions = scope.permissions.map((permission) => message(1, bytesOf(permission)));
  return Buffer.from(
    message(1, number(1, lifeSeconds)) +
      text(2, wireKey) +
      // Permissions.explicit = 2 { permissions = 1, repeated }
      message(3, message(2, permissions.join(''))) +
      (scope.tokenId === undefined ? '' : text(4, scope.tokenId)),
    'latin1',
  );
}

/** Throws for anything but a token: an empty answer must never pass for one. */
export function decodeResponse(bytes: Uint8Array): DisposableToken {
  let apiKey = '';
  let endpoint = '';
  let validUntil = 0;
  readFields(bytes, (field, value) => {
    if (field === 1 && typeof value === 'string') apiKey = value;
    else if (field === 2 && typeof value === 'string') endpoint = value;
    else if (field === 3 && typeof value === 'number') validUntil = value;
  });
  if (apiKey === '' || endpoint === '' || !Number.isSafeInteger(validUntil) || validUntil <= 0) {
    throw new TypeError('The answer is not a token.');
  }
  return { apiKey, endpoint, validUntil };
}

const KIND_FIELD: Readonly<Record<Permission['kind'], number>> = { item: 1, topic: 2, function: 3 };

/** PermissionsType: item, topic or function, each { role, all caches | cache, all | selector }. */
const bytesOf = ({ kind, role, cache, target }: Permission): Bytes =>
  message(
    KIND_FIELD[kind],
    number(1, ROLE_NUMBER[role]) +
      ('all' in cache ? message(2, '') : message(3, text(1, cache.name))) +
      ('all' in target
        ? message(4, '')
        : message(5, 'name' in target ? text(1, target.name) : text(2, target.prefix))),
  );

/** A character (latin1) for each byte: nothing joins faster than text. */
type Bytes = string;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Of fields below 16 and numbers of 32 bits: more is not written here. */
const tag = (field: number, wireType: number): Bytes => String.fromCharCode(field * 8 + wireType);

const varint = (value: number): Bytes =>
  value < 0x80
    ? String.fromCharCode(value)
    : String.fromCharCode(0x80 | (value & 0x7f)) + varint(value >>> 7);

const number = (field: number, value: number): Bytes => tag(field, VARINT) + varint(value);

const message = (field: number, bytes: Bytes): Bytes =>
  tag(field, LENGTH_DELIMITED) + varint(bytes.length) + bytes;

/** Also for what is bytes on the wire, as keys are: they are UTF-8 here. */
const text = (field: number, value: string): Bytes =>
  message(
    field,
    Buffer.byteLength(value) === value.length ? value : Buffer.from(value).toString('latin1'),
  );

/** Tells each number and text of a message; other kinds are passed over. Throws for what is no message. */
function readFields(
  { buffer, byteOffset, length }: Uint8Array,
  tell: (field: number, value: number | string) => void,
): void {
  const bytes = Buffer.from(buffer, byteOffset, length);
  let at = 0;
  const skip = (count: number): number => {
    const from = at;
    at += count;
    if (at > length) throw new TypeError('The answer is cut off.');
    return from;
  };
  const readVarint = (): number => {
    let value = 0;
    // Ten bytes at most; what is more than a number can hold exactly is no time and no length.
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = bytes[skip(1)] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new TypeError('The answer has a number that does not end.');
  };
  const readText = (): string => {
    const count = readVarint();
    return bytes.toString('utf8', skip(count), at);
  };
  while (at < length) {
    const tagged = readVarint();
    const field = Math.floor(tagged / 8);
    const wireType = tagged % 8;
    if (wireType === VARINT) tell(field, readVarint());
    else if (wireType === LENGTH_DELIMITED) tell(field, readText());
    else if (wireType === FIXED64) skip(8);
    else if (wireType === FIXED32) skip(4);
    else throw new TypeError('The answer has a field of a kind that there is not.');
  }
}
