// A certificate authority that signs itself and lives as long as one run: the stand-in servers speak TLS with it.
// Node can verify a certificate but not make one; this is the little of X.509 (RFC 5280) that is needed for that.

import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

export interface Certificate {
  readonly certPem: string;
  readonly keyPem: string;
}

const OID = {
  commonName: '550403',
  ecdsaWithSha256: '2a8648ce3d040302',
  subjectAltName: '551d11',
  basicConstraints: '551d13',
} as const;

const DAY_MS = 86_400_000;

/** For the given DNS names, from yesterday to the day after tomorrow. */
export function selfSignedCertificate(names: readonly string[], nowMs: number): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const name = sequence(der(0x31, sequence(oid(OID.commonName), der(0x0c, Buffer.from('bench')))));
  const alternatives = sequence(...names.map((dnsName) => der(0x82, Buffer.from(dnsName))));
  const isAuthority = sequence(der(0x01, Buffer.of(0xff)));
  const toBeSigned = sequence(
    der(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    name,
    sequence(utcTime(nowMs - DAY_MS), utcTime(nowMs + 2 * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        sequence(oid(OID.basicConstraints), der(0x04, isAuthority)),
        sequence(oid(OID.subjectAltName), der(0x04, alternatives)),
      ),
    ),
  );
  const certificate = sequence(
    toBeSigned,
    algorithm,
    der(0x03, Buffer.of(0), sign('sha256', toBeSigned, privateKey)),
  );
  return {
    certPem: pem('CERTIFICATE', certificate),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const integer = (bytes: Uint8Array): Buffer => der(0x02, bytes);

/** 261122160000Z */
const utcTime = (timeMs: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(timeMs).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));

const pem = (label: string, bytes: Buffer): string =>
  `-----BEGIN ${label}-----\n${bytes.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${label}-----\n`;
