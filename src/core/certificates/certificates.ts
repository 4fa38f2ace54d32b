import {
  createPrivateKey,
  generateKeyPair,
  randomBytes,
  webcrypto,
  X509Certificate,
  type KeyObject,
} from 'node:crypto';
import { promisify } from 'node:util';
import { ConfigurationError } from '../exceptions.js';
import { isSlug } from '../queue-discovery.js';

/**
 * Certificates of one installation: an authority of its own, and a certificate for each site by which the workers of two sites know each
 * other (docs/decisions/0402-certificates.md). ECDSA on P-256; a site's certificate serves both ends of a TLS connection.
 */

/** A certificate and its private key, as PEM. */
export interface CertificateAndKey {
  certificate: string;
  key: string;
}

/** How long they hold, in days. */
export const AUTHORITY_DAYS = 3650;
export const SITE_DAYS = 397;

const DAY_MS = 86_400_000;
/** Certificates hold from this long before they were made: the clocks of two sites differ. */
const BACKDATED_MS = 3_600_000;
const CURVE = 'P-256';
const SIGNATURE = { name: 'ECDSA', namedCurve: CURVE, hash: 'SHA-256' } as const;

const SUFFIX = '.site.cdt.internal';

/** The DNS name that the certificate of a site has, and that the other end asks for; no name server knows it. */
export function certificateName(site: string): string {
  return `${site}${SUFFIX}`;
}

/** The site that a certificate speaks for; undefined where it speaks for none, or for several. */
export function siteOfCertificate(certificate: Pick<X509Certificate, 'subjectAltName'>): string | undefined {
  const names = (certificate.subjectAltName ?? '').split(', ');
  const [name] = names;
  if (names.length !== 1 || name?.startsWith('DNS:') !== true || !name.endsWith(SUFFIX)) return undefined;
  const site = name.slice('DNS:'.length, -SUFFIX.length);
  return isSlug(site) ? site : undefined;
}

export interface AuthorityOptions {
  /** Whose authority it is: stands in its name, for people. */
  installation?: string;
  /** PEM; absent: a new one. */
  key?: string;
  days?: number;
  /** Milliseconds. */
  now?: number;
}

/** Makes an authority: a certificate that is signed with its own key. With the key of an earlier one it is the same authority, for longer. */
export async function makeAuthority({
  installation = 'ccat-data-transfer',
  key,
  days = AUTHORITY_DAYS,
  now = Date.now(),
}: AuthorityOptions = {}): Promise<CertificateAndKey> {
  if (!/^[\w .-]{1,40}$/.test(installation))
    throw new ConfigurationError(`"${installation}" can't stand in a certificate`, {
      subject: installation,
      advice: 'use at most 40 letters, digits, spaces, dots, _ and -',
    });
  const x509 = await library();
  const pair = await keys(key);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: [{ CN: [`${installation} authority`] }],
    ...validity(now, days),
    signingAlgorithm: SIGNATURE,
    keys: pair,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(pair.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: pair.pem };
}

export interface SiteOptions {
  /** PEM; absent: a new one. */
  key?: string;
  days?: number;
  /** Milliseconds. */
  now?: number;
}

/**
 * Makes the certificate of a site. It never holds longer than its authority.
 *
 * @throws ConfigurationError when the authority has ended, or is none, or the site's name is no slug
 */
export async function issueCertificate(
  authority: CertificateAndKey,
  site: string,
  { key, days = SITE_DAYS, now = Date.now() }: SiteOptions = {},
): Promise<CertificateAndKey> {
  if (!isSlug(site))
    throw new ConfigurationError(`"${site}" can't be the name of a site`, {
      subject: site,
      advice: 'use a-z, 0-9, _ and -, as in the topology',
    });
  const { issuer, signingKey } = await authorityOf(authority, now);
  const x509 = await library();
  const pair = await keys(key);
  const { ExtendedKeyUsage } = x509;
  const held = validity(now, days);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: [{ CN: [site] }],
    issuer: issuer.subjectName,
    notBefore: held.notBefore,
    notAfter: held.notAfter > issuer.notAfter ? issuer.notAfter : held.notAfter,
    signingAlgorithm: SIGNATURE,
    publicKey: pair.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: certificateName(site) }]),
      await x509.SubjectKeyIdentifierExtension.create(pair.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: pair.pem };
}

/**
 * Makes the list of the certificates of an authority that hold no more (a CRL), signed with its key. It holds as long as the authority.
 *
 * @param serials hexadecimal
 */
export async function makeRevocationList(
  authority: CertificateAndKey,
  serials: readonly string[],
  now = Date.now(),
): Promise<string> {
  const { issuer, signingKey } = await authorityOf(authority, now);
  const x509 = await library();
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.subjectName,
    thisUpdate: new Date(now - BACKDATED_MS),
    nextUpdate: issuer.notAfter,
    signingAlgorithm: SIGNATURE,
    signingKey,
    entries: serials.map((serialNumber) => ({ serialNumber, revocationDate: new Date(now) })),
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)],
  });
  // The library calls it "CRL", which nobody else reads.
  return pem(list).replaceAll(/(BEGIN|END) CRL/g, '$1 X509 CRL');
}

/** The serial numbers that a list has, as {@link serialOf} gives them. */
export async function serialsOn(list: string): Promise<string[]> {
  const x509 = await library();
  return new x509.X509Crl(list).entries.map(({ serialNumber }) => normalized(serialNumber));
}

/** The serial number of a certificate, hexadecimal. */
export function serialOf({ serialNumber }: Pick<X509Certificate, 'serialNumber'>): string {
  return normalized(serialNumber);
}

/** As one text: there may be zeros before it. */
function normalized(serial: string): string {
  return serial.toUpperCase().replace(/^0+/, '');
}

async function authorityOf({ certificate, key }: CertificateAndKey, now: number) {
  const x509 = await library();
  const issuer = new x509.X509Certificate(certificate);
  const wrong = (why: string, advice: string) =>
    new ConfigurationError(`the authority ${why}`, { subject: 'authority', advice });
  if (!new X509Certificate(certificate).ca)
    throw wrong('is no authority, but the certificate of a site', 'give the directory of the authority');
  const privateKey = privateKeyOf(key);
  if (!new X509Certificate(certificate).checkPrivateKey(privateKey))
    throw wrong('has a certificate that does not belong to its key', 'restore both from the same backup');
  if (issuer.notAfter.getTime() <= now)
    throw wrong(
      `ended on ${issuer.notAfter.toISOString()}`,
      'renew it first: cdt certificates renew authority',
    );
  return { issuer, signingKey: (await imported(privateKey)).privateKey };
}

/** The private key that a PEM holds, which is one of ours. */
export function privateKeyOf(text: string): KeyObject {
  try {
    const key = createPrivateKey(text);
    if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  } catch {
    // Whatever the reason: it may quote the key.
  }
  throw new ConfigurationError(
    'what should be a private key (PEM, ECDSA, P-256, without a passphrase) is none',
    {
      subject: 'private key',
    },
  );
}

async function keys(given: string | undefined) {
  const key =
    given === undefined
      ? (await promisify(generateKeyPair)('ec', { namedCurve: CURVE })).privateKey
      : privateKeyOf(given);
  return { ...(await imported(key)), pem: String(key.export({ type: 'pkcs8', format: 'pem' })) };
}

/** As the library wants it. */
async function imported(key: KeyObject): Promise<webcrypto.CryptoKeyPair> {
  const { subtle } = webcrypto;
  const jwk = key.export({ format: 'jwk' }) as webcrypto.JsonWebKey;
  return {
    privateKey: await subtle.importKey('jwk', jwk, SIGNATURE, false, ['sign']),
    publicKey: await subtle.importKey('jwk', { ...jwk, d: undefined }, SIGNATURE, true, ['verify']),
  };
}

function validity(now: number, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now - BACKDATED_MS), notAfter: new Date(now + days * DAY_MS) };
}

/** Positive, and 127 bits of chance: nobody foresees it, none is given twice. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0] ?? 0) & 0x7f || 1;
  return bytes.toString('hex');
}

function pem(certificate: { toString(format: 'pem'): string }): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}

/** Read only where certificates are made, or a list of revoked ones is read: it takes a while to load. */
async function library() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}
