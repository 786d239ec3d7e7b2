// The auth and the token service, where the calling key is a field of the message.

import { auth } from '@gomomento/generated-types/dist/auth.js';
import { token } from '@gomomento/generated-types/dist/token.js';
import type { IssuedKey, Lifetime, MomentoAccount } from './account.ts';
import type { Method, Methods } from './calls.ts';
import { noPermissions, type Permissions } from './permissions.ts';

export function authService(account: MomentoAccount, { unary }: Methods): Method[] {
  const { definition } = auth.UnimplementedAuthService;
  return [
    unary(definition.RefreshApiToken, (request) => {
      const { api_key: apiKey, refresh_token: refreshToken } = request;
      return new auth._RefreshApiTokenResponse(
        keyFields(account.refreshApiToken({ apiKey, refreshToken })),
      );
    }),
    unary(definition.GenerateApiToken, (request) => {
      const issued = account.generateApiToken({
        callerKey: request.auth_token,
        permissions: permissionsOf(request),
        lifetimeSeconds: lifetimeOf(request),
        tokenId: request.token_id,
      });
      return new auth._GenerateApiTokenResponse(keyFields(issued));
    }),
  ];
}

export function tokenService(account: MomentoAccount, { unary }: Methods): Method[] {
  const { definition } = token.UnimplementedTokenService;
  return [
    unary(definition.GenerateDisposableToken, (request) => {
      const issued = account.generateDisposableToken({
        callerKey: request.auth_token,
        permissions: permissionsOf(request),
        lifetimeSeconds: request.has_expires ? request.expires.valid_for_seconds : 0,
        tokenId: request.token_id,
      });
      return new token._GenerateDisposableTokenResponse({
        api_key: issued.apiKey,
        endpoint: issued.endpoint,
        valid_until: issued.validUntil,
      });
    }),
  ];
}

function keyFields(issued: IssuedKey) {
  return {
    api_key: issued.apiKey,
    refresh_token: issued.refreshToken,
    endpoint: issued.endpoint,
    valid_until: issued.validUntil,
  };
}

function permissionsOf(request: { has_permissions: boolean; permissions: Permissions }) {
  return request.has_permissions ? request.permissions : noPermissions();
}

/** A missing expiry becomes a life of 0 and is refused by the account: after the key was checked, and counted. */
function lifetimeOf(request: auth._GenerateApiTokenRequest): Lifetime {
  if (request.expiry === 'never') return 'never';
  return request.expiry === 'expires' ? request.expires.valid_for_seconds : 0;
}
