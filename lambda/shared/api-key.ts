// What an API key says of itself: which form it has, where Momento is, when it ends.
// Nothing here verifies a signature: only Momento can. Source of the forms: Momento's public documentation.

import * as v from 'valibot';

export interface ApiKeyFacts {
  /** v1: base64 of {"endpoint", "api_key"}; v2: a JWT with claim t = "g"; legacy: a JWT with endpoints. */
  readonly form: 'v1' | 'v2' | 'legacy';
  /** The JWT that travels on the wire. */
  readonly wireKey: string;
  /** Base endpoint inside a v1 key, as it stands there: it may carry a port. */
  readonly endpoint: string | undefined;
  /** host[:port] of the control plane, where the key itself tells it. */
  readonly controlEndpoint: string | undefined;
  /** Epoch seconds from the JWT's `exp`; undefined when the JWT has none. */
  readonly expiresAtSeconds: number | undefined;
}

const V1 = v.object({
  endpoint: v.pipe(v.string(), v.nonEmpty()),
  // It travels in a header.
  api_key: v.pipe(v.string(), v.regex(/^[\x21-\x7e]+$/)),
});
const Claims = v.looseObject({
  exp: v.optional(v.number()),
  t: v.optional(v.string()),
  cp: v.optional(v.string()),
});

/** Undefined when `text` is no Momento key at all. Never throws: its errors would quote the key. */
export function readApiKey(text: string): ApiKeyFacts | undefined {
  const v1 = v.safeParse(V1, fromBase64Json(text));
  if (v1.success) {
    const { endpoint, api_key: wireKey } = v1.output;
    return {
      form: 'v1',
      wireKey,
      endpoint,
      controlEndpoint: `control.${endpoint}`,
      expiresAtSeconds: jwtClaims(wireKey)?.exp,
    };
  }
  const claims = jwtClaims(text);
  if (claims === undefined) return undefined;
  return {
    form: claims.t === 'g' ? 'v2' : 'legacy',
    wireKey: text,
    endpoint: undefined,
    controlEndpoint: claims.cp,
    expiresAtSeconds: claims.exp,
  };
}

function jwtClaims(text: string): v.InferOutput<typeof Claims> | undefined {
  const parts = text.split('.');
  const [header, payload] = parts;
  if (parts.length !== 3 || header === undefined || payload === undefined) return undefined;
  if (!v.is(v.looseObject({}), fromBase64Json(header))) return undefined;
  const claims = v.safeParse(Claims, fromBase64Json(payload));
  return claims.success ? claims.output : undefined;
}

function fromBase64Json(text: string): unknown {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  try {
    return JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
  } catch {
    return undefined;
  }
}
