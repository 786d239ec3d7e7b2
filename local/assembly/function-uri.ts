// The two ways in which API Gateway names a function.

/** The function's ARN, out of itself or out of `arn:aws:apigateway:…/functions/ARN/invocations`. */
export function functionArnOf(uri: string): string | undefined {
  const wrapped =
    /^arn:[^:]*:apigateway:[^:]*:lambda:path\/[^/]+\/functions\/([^/]+)\/invocations$/;
  const arn = wrapped.exec(uri)?.[1] ?? uri;
  return /^arn:[^:]*:lambda:[^:]*:[^:]*:function:[^:]+$/.test(arn) ? arn : undefined;
}
