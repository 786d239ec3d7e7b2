// token.Token/GenerateDisposableToken on the wire. Written field by field, and not through the SDK's scope
// objects: those lose the item restriction of a scope that also has a topic (facts of the SDK, 1.118.1).
// Field numbers: Momento's published token.proto and permissionmessages.proto, as @gomomento/generated-types has
// them; a test decodes with that package whatever this one writes.

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { CacheSelector, Permission, Scope, TargetSelector } from './scope.ts';

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
  const writer = new BinaryWriter();
  message(writer, 1, () => uint32(writer, 1, lifeSeconds));
  text(writer, 2, wireKey);
  // Permissions.explicit = 2 { permissions = 1, repeated }
  message(writer, 3, () =>
    message(writer, 2, () => {
      for (const permission of scope.permissions) {
        message(writer, 1, () => writePermission(writer, permission));
      }
    }),
  );
  if (scope.tokenId !== undefined) text(writer, 4, scope.tokenId);
  return writer.finish();
}

/** Throws for anything but a token: an empty answer must never pass for one. */
export function decodeResponse(bytes: Uint8Array): DisposableToken {
  const reader = new BinaryReader(bytes);
  let apiKey = '';
  let endpoint = '';
  let validUntil = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1 && wireType === WireType.LengthDelimited) apiKey = reader.string();
    else if (field === 2 && wireType === WireType.LengthDelimited) endpoint = reader.string();
    else if (field === 3 && wireType === WireType.Varint) validUntil = Number(reader.uint64());
    else reader.skip(wireType, field);
  }
  if (apiKey === '' || endpoint === '' || !Number.isSafeInteger(validUntil) || validUntil <= 0) {
    throw new TypeError('The answer is not a token.');
  }
  return { apiKey, endpoint, validUntil };
}

const KIND_FIELD: Readonly<Record<Permission['kind'], number>> = { item: 1, topic: 2, function: 3 };

/** PermissionsType: item, topic or function, each { role, all caches | cache, all | selector }. */
function writePermission(writer: BinaryWriter, { kind, role, cache, target }: Permission): void {
  message(writer, KIND_FIELD[kind], () => {
    uint32(writer, 1, ROLE_NUMBER[role]);
    writeCache(writer, cache);
    // Keys are bytes on the wire; names of topics and functions are text.
    writeTarget(writer, target, kind === 'item' ? bytes : text);
  });
}

function writeCache(writer: BinaryWriter, cache: CacheSelector): void {
  if ('all' in cache) message(writer, 2, () => {});
  else message(writer, 3, () => text(writer, 1, cache.name));
}

type WriteText = (writer: BinaryWriter, field: number, value: string) => void;

function writeTarget(writer: BinaryWriter, target: TargetSelector, write: WriteText): void {
  if ('all' in target) message(writer, 4, () => {});
  else {
    message(writer, 5, () =>
      'name' in target ? write(writer, 1, target.name) : write(writer, 2, target.prefix),
    );
  }
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

const text: WriteText = (writer, field, value) => {
  writer.tag(field, WireType.LengthDelimited).string(value);
};

const bytes: WriteText = (writer, field, value) => {
  writer.tag(field, WireType.LengthDelimited).bytes(Buffer.from(value, 'utf8'));
};

const uint32 = (writer: BinaryWriter, field: number, value: number): void => {
  writer.tag(field, WireType.Varint).uint32(value);
};
