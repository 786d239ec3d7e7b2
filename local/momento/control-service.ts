// The control service, where the calling key is the authorization header.

import { control_client as control } from '@gomomento/generated-types/dist/controlclient.js';
import type { MomentoAccount } from './account.ts';
import type { Method, Methods } from './calls.ts';

export function controlService(account: MomentoAccount, { unary }: Methods): Method[] {
  const { definition } = control.UnimplementedScsControlService;
  return [
    unary(definition.ListCaches, (_request, { callerKey }) => {
      const cache = account
        .listCaches(callerKey)
        .map((cache_name) => new control._Cache({ cache_name }));
      return new control._ListCachesResponse({ cache });
    }),
    unary(definition.CreateCache, (request, { callerKey }) => {
      account.createCache(callerKey, request.cache_name);
      return new control._CreateCacheResponse();
    }),
    unary(definition.DeleteCache, (request, { callerKey }) => {
      account.deleteCache(callerKey, request.cache_name);
      return new control._DeleteCacheResponse();
    }),
  ];
}
