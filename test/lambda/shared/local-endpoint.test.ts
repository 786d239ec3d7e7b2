import { describe, expect, test } from '@jest/globals';
import { localEndpoint } from '../../../lambda/shared/local-endpoint.ts';

const at = (MOMENTO_LOCAL_ENDPOINT: string, more: NodeJS.ProcessEnv = {}) =>
  localEndpoint({ MOMENTO_LOCAL_ENDPOINT, ...more });

test.each([{}, { MOMENTO_LOCAL_ENDPOINT: '' }])('unset: Momento itself', (environment) => {
  expect(localEndpoint(environment)).toBeUndefined();
});

test('unset, a proxy is nobody’s business', () => {
  expect(localEndpoint({ https_proxy: 'http://proxy:3128' })).toBeUndefined();
});

test.each([
  'localhost:1',
  'localhost:8580',
  'localhost:65535',
  '127.0.0.1:8580',
  '127.0.0.2:80',
  '127.255.255.254:80',
  '[::1]:8580',
])('%s is on this machine', (endpoint) => {
  expect(at(endpoint)).toBe(endpoint);
});

describe('is refused, because keys would cross a network in plain text', () => {
  test.each([
    'localhost.evil.com:80',
    'evil.localhost:80',
    'evil.com:80',
    '127.0.0.1.evil.com:80',
    '127.0.0.1:80@evil.com',
    '127.0.0.1:80@evil.com:80',
    'user@127.0.0.1:80',
    'localhost:80/evil',
    'localhost:80#evil',
    'localhost:80 evil.com:80',
    'localhost:80\nevil.com:80',
    ' localhost:80',
    'localhost:80 ',
    'http://localhost:80',
    'dns:localhost:80',
    'dns:///evil.com:80',
    'unix:/tmp/socket',
    'ipv4:127.0.0.1:80,10.0.0.1:80',
    '127.0.0.1:80,10.0.0.1:80',
    '127.999.0.1:80',
    '127.1:80',
    '127.0.0.1.1:80',
    '127.0.0:80',
    '127.0.0.01:80',
    '2130706433:80',
    '0.0.0.0:80',
    '10.0.0.1:80',
    '128.0.0.1:80',
    '[::]:80',
    '[::ffff:127.0.0.1]:80',
    '[::2]:80',
    '::1:80',
    'LOCALHOST.:80',
    'localhost',
    'localhost:',
    'localhost:0',
    'localhost:65536',
    'localhost:99999',
    'localhost:123456',
    'localhost:-1',
    'localhost:8e3',
    ':80',
    '80',
  ])('%j', (endpoint) => {
    expect(() => at(endpoint)).toThrow(
      /MOMENTO_LOCAL_ENDPOINT is .*must be host:port of a loopback/,
    );
  });

  test.each(['grpc_proxy', 'http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY'])(
    '%s would carry it away',
    (name) => {
      expect(() => at('localhost:80', { [name]: 'http://proxy:3128' })).toThrow(
        new RegExp(`MOMENTO_LOCAL_ENDPOINT and ${name} are both set`),
      );
      expect(at('localhost:80', { [name]: '' })).toBe('localhost:80');
    },
  );
});
