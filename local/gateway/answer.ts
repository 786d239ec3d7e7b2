// An answer on its way to the client, and the ones that API Gateway gives by itself.

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Each becomes a `set-cookie`. @default none */
  readonly cookies?: readonly string[];
  readonly body: string | Uint8Array;
}

/** `{"message": …}`, API Gateway's form for everything that it answers without the function. */
export function gatewayAnswer(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ message }),
  };
}

export const badRequest = gatewayAnswer(400, 'Bad Request');
export const forbidden = gatewayAnswer(403, 'Forbidden');
export const notFound = gatewayAnswer(404, 'Not Found');
export const bodyTooLarge = gatewayAnswer(413, 'Request Entity Too Large');
export const tooManyRequests = gatewayAnswer(429, 'Too Many Requests');
export const headersTooLarge = gatewayAnswer(431, 'Request Header Fields Too Large');
export const internalServerError = gatewayAnswer(500, 'Internal Server Error');
export const serviceUnavailable = gatewayAnswer(503, 'Service Unavailable');
