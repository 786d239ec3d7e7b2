import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { selfSignedCertificate } from '../../bench/certificate.ts';

const NOW_MS = Date.now();
const { certPem, keyPem } = selfSignedCertificate(['aws.test', '*.cell.test'], NOW_MS);
let server: Server;

beforeAll(async () => {
  server = createServer({ cert: certPem, key: keyPem }, (socket) => socket.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => new Promise((done) => server.close(done)));

/** Resolves when the handshake is done; rejects with what the client has against it. */
const greet = (servername: string, ca?: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, servername, ...(ca && { ca }) });
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      socket.destroy();
      resolve();
    });
  });

describe('a client that trusts it', () => {
  test.each(['aws.test', 'token.cell.test'])('takes it for %s', async (name) => {
    await expect(greet(name, certPem)).resolves.toBeUndefined();
  });

  test('takes it for no other name', async () => {
    await expect(greet('other.test', certPem)).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    });
  });
});

test('nobody else takes it', async () => {
  await expect(greet('aws.test')).rejects.toMatchObject({
    code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  });
});

test('it is valid around its time, and each is another', () => {
  const certificate = new X509Certificate(certPem);
  expect(Date.parse(certificate.validFrom)).toBeLessThan(NOW_MS);
  expect(Date.parse(certificate.validTo)).toBeGreaterThan(NOW_MS + 86_400_000);
  expect(certificate.ca).toBe(true);
  const other = new X509Certificate(selfSignedCertificate(['aws.test'], NOW_MS).certPem);
  expect(other.fingerprint256).not.toBe(certificate.fingerprint256);
  expect(other.serialNumber).not.toBe(certificate.serialNumber);
});
