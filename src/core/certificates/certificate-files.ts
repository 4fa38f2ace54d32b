import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ConfigurationError } from '../exceptions.js';
import { classifyDiskError, createFileAtomically, ifPresent } from '../utilities/disk.js';
import { privateKeyOf, serialsOn, type CertificateAndKey } from './certificates.js';

/** Name of the authority's files; no site can have it, see `CertificateDirectory.issue`. */
export const AUTHORITY = 'authority';

/** The list of certificates that hold no more; lists of several authorities one after the other. */
export const REVOKED = 'revoked.crl';

/** What the mode of a private key is. */
export const PRIVATE = 0o600;
/** Everybody on the machine. */
const WORLD = 0o007;

/** The files of a directory of certificates, read and checked; see `CertificateDirectory`. */
export class CertificateFiles {
  constructor(readonly path: string) {}

  /** The serial numbers on the lists here. */
  async revoked(): Promise<Set<string>> {
    return new Set((await Promise.all((await this.lists()).map(serialsOn))).flat());
  }

  /**
   * The lists of certificates that hold no more, PEM.
   *
   * @throws ConfigurationError where the file holds anything else
   */
  async lists(): Promise<string[]> {
    const text = await this.read(REVOKED);
    if (text === undefined) return [];
    const lists = text.match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----\n?/g) ?? [];
    try {
      if (lists.length === 0) throw new Error('it holds none');
      createSecureContext({ crl: lists });
      return lists;
    } catch (cause) {
      throw new ConfigurationError(`${this.file(REVOKED)} is no list of revoked certificates`, {
        subject: REVOKED,
        advice: `Copy it again from where the authority is; \`cdt certificates revoke\` makes it.`,
        cause,
      });
    }
  }

  /** The certificates of `authority.pem`: two while one authority takes over from the other. */
  async authorities(): Promise<X509Certificate[]> {
    const text = await this.read(`${AUTHORITY}.pem`);
    const found = text?.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    return found.map((one) => certificateOf(one, AUTHORITY));
  }

  /**
   * The authority that certificates are made by here.
   *
   * @throws ConfigurationError where its key is not here, or belongs to none of its certificates
   */
  async authority(): Promise<CertificateAndKey> {
    const [certificates, key] = [await this.authorities(), await this.readKey(AUTHORITY)];
    const own = certificates.find((one) => key !== undefined && one.checkPrivateKey(privateKeyOf(key)));
    if (own !== undefined && key !== undefined) return { certificate: own.toString(), key };
    throw new ConfigurationError(
      key === undefined
        ? `${this.path} has no ${AUTHORITY}.key`
        : `${this.path} has no certificate in ${AUTHORITY}.pem that belongs to ${AUTHORITY}.key`,
      {
        subject: this.path,
        advice:
          'Certificates are made where the key of the authority is; `cdt certificates init` makes an authority.',
      },
    );
  }

  /** The key first: a certificate without its key is of no use, and a key without its certificate gets one when it is tried again. */
  async store(name: string, made: CertificateAndKey): Promise<void> {
    if ((await this.readKey(name)) === undefined)
      await createFileAtomically(this.file(`${name}.key`), made.key, PRIVATE);
    await createFileAtomically(this.file(`${name}.pem`), made.certificate);
  }

  /**
   * A private key, PEM; undefined where it is not there.
   *
   * @throws ConfigurationError where everybody may read it
   */
  async readKey(name: string): Promise<string | undefined> {
    const file = this.file(`${name}.key`);
    const found = await onDisk(file, ifPresent(stat(file)));
    if (found !== undefined && (found.mode & WORLD) !== 0)
      throw new ConfigurationError(`${file} is open to everybody on this machine`, {
        subject: file,
        advice: `chmod it to 600 or 640, and renew it with a new key if others use this machine: cdt certificates renew ${name} --new-key`,
      });
    return this.read(`${name}.key`);
  }

  /** A file's text; undefined where it is not there. */
  async read(file: string): Promise<string | undefined> {
    return onDisk(this.file(file), ifPresent(readFile(this.file(file), 'utf8')));
  }

  file(name: string): string {
    return join(this.path, name);
  }
}

/** @throws ConfigurationError where the text is none */
export function certificateOf(text: string, name: string): X509Certificate {
  try {
    return new X509Certificate(text);
  } catch (cause) {
    throw new ConfigurationError(`${name}.pem holds no certificate`, {
      subject: name,
      advice: 'Restore it from a backup, or remove it and issue another one.',
      cause,
    });
  }
}

/** Passes an error of the disk on as one of ours. */
export async function onDisk<T>(subject: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw classifyDiskError(error, { subject });
  }
}
