// The cache service, where the cache's name and the calling key are headers.

import { cache_client } from '@gomomento/generated-types/dist/cacheclient.js';
import type { CacheOperation } from './access.ts';
import type { MomentoAccount } from './account.ts';
import type { Cache, CollectionLife } from './cache.ts';
import type { CallHeaders, Method, Methods } from './calls.ts';
import { MomentoRefusal } from './refusal.ts';

const {
  ECacheResult,
  UnimplementedScsService,
  _DeleteResponse,
  _DictionaryDeleteResponse,
  _DictionaryFetchResponse,
  _DictionaryFieldValuePair,
  _DictionaryGetResponse,
  _DictionaryIncrementResponse,
  _DictionaryLengthResponse,
  _DictionarySetResponse,
  _GetResponse,
  _IncrementResponse,
  _ItemGetTtlResponse,
  _KeysExistResponse,
  _ListFetchResponse,
  _ListLengthResponse,
  _ListPopBackResponse,
  _ListPopFrontResponse,
  _ListPushBackResponse,
  _ListPushFrontResponse,
  _SetIfNotExistsResponse,
  _SetIfResponse,
  _SetResponse,
} = cache_client;

export function cacheService(account: MomentoAccount, { unary, stream }: Methods): Method[] {
  const { definition } = UnimplementedScsService;

  /** The cache, if the caller may do this to every one of these items. */
  const open = (
    { callerKey, cacheName }: CallHeaders,
    operation: CacheOperation,
    ...keys: readonly Uint8Array[]
  ): Cache => account.openCache(callerKey, { operation, cacheName, keys });

  return [...values(), ...dictionaries(), ...lists()];

  function values(): Method[] {
    return [
      unary(definition.Get, ({ cache_key: key }, headers) =>
        found(open(headers, 'read', key).get(key)),
      ),
      stream(definition.GetBatch, ({ items }, headers, answer) => {
        const keys = items.map(({ cache_key }) => cache_key);
        const cache = open(headers, 'read', ...keys);
        for (const key of keys) answer.message(found(cache.get(key)));
        answer.end();
        return () => {};
      }),
      unary(definition.Set, (request, headers) => {
        const cache = open(headers, 'write', request.cache_key);
        cache.set(request.cache_key, request.cache_body, request.ttl_milliseconds);
        return new _SetResponse({ result: ECacheResult.Ok });
      }),
      stream(definition.SetBatch, ({ items }, headers, answer) => {
        const cache = open(headers, 'write', ...items.map(({ cache_key }) => cache_key));
        for (const { cache_key, cache_body, ttl_milliseconds } of items) {
          cache.set(cache_key, cache_body, ttl_milliseconds);
          answer.message(new _SetResponse({ result: ECacheResult.Ok }));
        }
        answer.end();
        return () => {};
      }),
      unary(definition.SetIf, (request, headers) => {
        const { cache_key: key, cache_body, ttl_milliseconds } = request;
        const cache = open(headers, 'read-and-write', key);
        return cache.setIf(key, cache_body, ttl_milliseconds, conditionOf(request))
          ? new _SetIfResponse({ stored: new _SetIfResponse._Stored() })
          : new _SetIfResponse({ not_stored: new _SetIfResponse._NotStored() });
      }),
      // What older SDKs send for `setIfNotExists`; 1.118 sends SetIf.
      unary(definition.SetIfNotExists, (request, headers) => {
        const { cache_key: key, cache_body, ttl_milliseconds } = request;
        const cache = open(headers, 'read-and-write', key);
        return cache.setIf(key, cache_body, ttl_milliseconds, (current) => current === undefined)
          ? new _SetIfNotExistsResponse({ stored: new _SetIfNotExistsResponse._Stored() })
          : new _SetIfNotExistsResponse({ not_stored: new _SetIfNotExistsResponse._NotStored() });
      }),
      unary(definition.Delete, ({ cache_key: key }, headers) => {
        open(headers, 'write', key).delete(key);
        return new _DeleteResponse();
      }),
      unary(definition.Increment, ({ cache_key: key, amount, ttl_milliseconds }, headers) => {
        const cache = open(headers, 'read-and-write', key);
        return new _IncrementResponse({ value: cache.increment(key, amount, ttl_milliseconds) });
      }),
      unary(definition.KeysExist, ({ cache_keys: keys }, headers) => {
        const cache = open(headers, 'read', ...keys);
        return new _KeysExistResponse({ exists: keys.map((key) => cache.exists(key)) });
      }),
      unary(definition.ItemGetTtl, ({ cache_key: key }, headers) => {
        const remaining_ttl_millis = open(headers, 'read', key).remainingMs(key);
        return remaining_ttl_millis === undefined
          ? new _ItemGetTtlResponse({ missing: new _ItemGetTtlResponse._Missing() })
          : new _ItemGetTtlResponse({
              found: new _ItemGetTtlResponse._Found({ remaining_ttl_millis }),
            });
      }),
    ];
  }

  function dictionaries(): Method[] {
    return [
      unary(definition.DictionarySet, (request, headers) => {
        const { dictionary_name: key, items } = request;
        const fields = items.map(({ field, value }) => ({ name: field, value }));
        open(headers, 'write', key).dictionarySet(key, fields, lifeOf(request));
        return new _DictionarySetResponse();
      }),
      unary(definition.DictionaryGet, ({ dictionary_name: key, fields }, headers) => {
        const { _DictionaryGetResponsePart, _Found, _Missing } = _DictionaryGetResponse;
        const cache = open(headers, 'read', key);
        if (cache.dictionary(key) === undefined) {
          return new _DictionaryGetResponse({ missing: new _Missing() });
        }
        const items = fields.map((name) => {
          const cache_body = cache.dictionaryField(key, name);
          return cache_body === undefined
            ? new _DictionaryGetResponsePart({ result: ECacheResult.Miss })
            : new _DictionaryGetResponsePart({ result: ECacheResult.Hit, cache_body });
        });
        return new _DictionaryGetResponse({ found: new _Found({ items }) });
      }),
      unary(definition.DictionaryFetch, ({ dictionary_name: key }, headers) => {
        const { _Found, _Missing } = _DictionaryFetchResponse;
        const items = open(headers, 'read', key)
          .dictionary(key)
          ?.map(({ name, value }) => new _DictionaryFieldValuePair({ field: name, value }));
        return items === undefined
          ? new _DictionaryFetchResponse({ missing: new _Missing() })
          : new _DictionaryFetchResponse({ found: new _Found({ items }) });
      }),
      unary(definition.DictionaryIncrement, (request, headers) => {
        const { dictionary_name: key, field, amount } = request;
        const cache = open(headers, 'read-and-write', key);
        return new _DictionaryIncrementResponse({
          value: cache.dictionaryIncrement(key, field, amount, lifeOf(request)),
        });
      }),
      unary(definition.DictionaryDelete, (request, headers) => {
        const { dictionary_name: key } = request;
        const cache = open(headers, 'write', key);
        if (request.delete === 'some') cache.dictionaryRemove(key, request.some.fields);
        else if (request.delete === 'all') cache.delete(key);
        return new _DictionaryDeleteResponse();
      }),
      unary(definition.DictionaryLength, ({ dictionary_name: key }, headers) => {
        const { _Found, _Missing } = _DictionaryLengthResponse;
        const fields = open(headers, 'read', key).dictionary(key);
        return fields === undefined
          ? new _DictionaryLengthResponse({ missing: new _Missing() })
          : new _DictionaryLengthResponse({ found: new _Found({ length: fields.length }) });
      }),
    ];
  }

  function lists(): Method[] {
    return [
      unary(definition.ListPushFront, (request, headers) => {
        const { list_name: key, value, truncate_back_to_size: keepAtMost } = request;
        const cache = open(headers, 'read-and-write', key);
        return new _ListPushFrontResponse({
          list_length: cache.listPush(key, 'front', value, keepAtMost, lifeOf(request)),
        });
      }),
      unary(definition.ListPushBack, (request, headers) => {
        const { list_name: key, value, truncate_front_to_size: keepAtMost } = request;
        const cache = open(headers, 'read-and-write', key);
        return new _ListPushBackResponse({
          list_length: cache.listPush(key, 'back', value, keepAtMost, lifeOf(request)),
        });
      }),
      unary(definition.ListPopFront, ({ list_name: key }, headers) => {
        const { _Found, _Missing } = _ListPopFrontResponse;
        const popped = open(headers, 'read-and-write', key).listPop(key, 'front');
        return popped === undefined
          ? new _ListPopFrontResponse({ missing: new _Missing() })
          : new _ListPopFrontResponse({
              found: new _Found({ front: popped.value, list_length: popped.length }),
            });
      }),
      unary(definition.ListPopBack, ({ list_name: key }, headers) => {
        const { _Found, _Missing } = _ListPopBackResponse;
        const popped = open(headers, 'read-and-write', key).listPop(key, 'back');
        return popped === undefined
          ? new _ListPopBackResponse({ missing: new _Missing() })
          : new _ListPopBackResponse({
              found: new _Found({ back: popped.value, list_length: popped.length }),
            });
      }),
      unary(definition.ListFetch, (request, headers) => {
        const { _Found, _Missing } = _ListFetchResponse;
        const { list_name: key } = request;
        const values = open(headers, 'read', key)
          .list(key)
          ?.slice(
            request.start_index === 'inclusive_start' ? request.inclusive_start : undefined,
            request.end_index === 'exclusive_end' ? request.exclusive_end : undefined,
          );
        return values === undefined
          ? new _ListFetchResponse({ missing: new _Missing() })
          : new _ListFetchResponse({ found: new _Found({ values }) });
      }),
      unary(definition.ListLength, ({ list_name: key }, headers) => {
        const { _Found, _Missing } = _ListLengthResponse;
        const values = open(headers, 'read', key).list(key);
        return values === undefined
          ? new _ListLengthResponse({ missing: new _Missing() })
          : new _ListLengthResponse({ found: new _Found({ length: values.length }) });
      }),
    ];
  }
}

function found(cache_body: Uint8Array | undefined) {
  return cache_body === undefined
    ? new _GetResponse({ result: ECacheResult.Miss })
    : new _GetResponse({ result: ECacheResult.Hit, cache_body });
}

function lifeOf(request: { ttl_milliseconds: number; refresh_ttl: boolean }): CollectionLife {
  return { ttlMs: request.ttl_milliseconds, refresh: request.refresh_ttl };
}

/** An absent value equals nothing, and so differs from everything. */
function conditionOf(
  request: cache_client._SetIfRequest,
): (current: Uint8Array | undefined) => boolean {
  const is = (
    current: Uint8Array | undefined,
    { value_to_check }: { value_to_check: Uint8Array },
  ) => current !== undefined && Buffer.compare(current, value_to_check) === 0;
  switch (request.condition) {
    case 'absent':
      return (current) => current === undefined;
    case 'present':
      return (current) => current !== undefined;
    case 'equal':
      return (current) => is(current, request.equal);
    case 'not_equal':
      return (current) => !is(current, request.not_equal);
    case 'absent_or_equal':
      return (current) => current === undefined || is(current, request.absent_or_equal);
    case 'present_and_not_equal':
      return (current) => current !== undefined && !is(current, request.present_and_not_equal);
    case 'none':
      throw new MomentoRefusal('INVALID_ARGUMENT', 'SetIf needs a condition');
  }
}
