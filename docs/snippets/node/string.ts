import { rotatingCredentials } from '../../../client/node/index.ts';

export const momento = rotatingCredentials({
  secretId: process.env.MOMENTO_SECRET_ARN ?? '',
  isRefusal: (answer) => answer instanceof Response && answer.status === 401,
});

export const readItem = (cell: string, cache: string, key: string): Promise<Response> =>
  momento.use(({ apiKey }) =>
    fetch(`https://api.cache.${cell}/cache/${cache}?key=${encodeURIComponent(key)}`, {
      headers: { authorization: apiKey },
    }),
  );
