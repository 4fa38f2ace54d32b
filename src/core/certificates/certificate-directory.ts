import { X509Certificate } from 'node:crypto';
import { link, mkdir, readdir } from 'node:fs/promises';
import { ConfigurationError } from '../exceptions.js';
import { isSlug } from '../queue-discovery.js';
import { ifPresent, writeFileAtomically } from '../utilities/disk.js';
import { AUTHORITY, CertificateFiles, certificateOf, onDisk, PRIVATE, REVOKED } from './certificate-files.js';
import { authorityWarnings, isForLater, siteWarnings, timeWarnings } from './certificate-warnings.js';
import {
  issueCertificate,
  makeAuthority,
  makeRevocationList,
  privateKeyOf,
  serialOf,
  type CertificateAndKey,
} from './certificates.js';

/** What the workers of a site show and trust: all of it PEM. */
export interface SiteCredentials extends CertificateAndKey {
  site: string;
  /** Certificates of authorities, one after the other: two while one takes over from the other. */
  authority: string;
  /** Lists of certificates that hold no more, where there are any. */
  revoked?: string[];
  /** ISO 8601: when the site's certificate ends. */
  endsAt: string;
}

/** A certificate of a directory, as it is shown. */
export interface CertificateListing {
  /** `authority`, or the site. */
  name: string;
  file: string;
  subject: string;
  /** Of the whole certificate, SHA-256. */
  fingerprint: string;
  /** Hexadecimal. */
  serial: string;
  /** ISO 8601. */
  beginsAt: string;
  endsAt: string;
  /** Whether its private key lies in this directory. */
  key: boolean;
  /** What is wrong with it, or will be soon, as sentences. */
  warnings: string[];
}

/**
 * A directory of certificates: `authority.pem`, `<site>.pem`, and beside them the private keys `<name>.key`. The authority's key is only
 * where certificates are made; a site's workers need `authority.pem` and the two files of their site, and `revoked.crl` where there is one.
 *
 * Every file is there whole or not at all, and a private key is never replaced but by {@link renew} with a new key, which keeps the old
 * one under another name.
 */
export class CertificateDirectory {
  private readonly files: CertificateFiles;

  constructor(
    readonly path: string,
    private readonly now: () => number = Date.now,
  ) {
    this.files = new CertificateFiles(path);
  }

  /**
   * Makes the authority. Where only its key is there, because an earlier call was cut off, it gets its certificate.
   *
   * @throws ConfigurationError when there is one already
   */
  async init(options: { installation?: string; days?: number } = {}): Promise<CertificateListing[]> {
    await onDisk(this.path, mkdir(this.path, { recursive: true, mode: 0o700 }));
    if ((await this.files.read(`${AUTHORITY}.pem`)) !== undefined)
      throw new ConfigurationError(`${this.path} has an authority already`, {
        subject: this.path,
        advice: `\`cdt certificates renew ${AUTHORITY}\` makes it last longer; a new one belongs into another directory.`,
      });
    const made = await makeAuthority({
      ...options,
      key: await this.files.readKey(AUTHORITY),
      now: this.now(),
    });
    await this.files.store(AUTHORITY, made);
    return this.list();
  }

  /**
   * Makes a site's key and certificate. Where only its key is there, because an earlier call was cut off, it gets its certificate.
   *
   * @throws ConfigurationError when the site has a certificate, or this directory no authority with its key
   */
  async issue(site: string, options: { days?: number } = {}): Promise<CertificateListing> {
    if (site === AUTHORITY || !isSlug(site)) throw noSite(site);
    if ((await this.files.read(`${site}.pem`)) !== undefined)
      throw new ConfigurationError(`${site} has a certificate already: ${this.files.file(`${site}.pem`)}`, {
        subject: site,
        advice: `\`cdt certificates renew ${site}\` makes the next one for the same key.`,
      });
    const made = await issueCertificate(await this.files.authority(), site, {
      ...options,
      key: await this.files.readKey(site),
      now: this.now(),
    });
    await this.files.store(site, made);
    return this.listed(site);
  }

  /**
   * Makes the next certificate of a site, or of the authority, for the same key: only the certificate has to be brought to the site. With
   * `newKey` a site gets a new key; the old one is kept as `<site>.key.<time>`.
   *
   * @throws ConfigurationError when there is nothing to renew, or the key it is for is not in this directory
   */
  async renew(name: string, options: { newKey?: boolean; days?: number } = {}): Promise<CertificateListing> {
    const { newKey = false, days } = options;
    const key = await this.files.readKey(name);
    if (key === undefined)
      throw new ConfigurationError(`${this.path} has no ${name}.key to renew a certificate for`, {
        subject: name,
        advice: `It is renewed in the directory in which it was made; a new site gets its first by \`cdt certificates issue ${name}\`.`,
      });
    if (name === AUTHORITY) {
      if (newKey)
        throw new ConfigurationError('the authority keeps its key', {
          subject: name,
          advice: 'Make another authority in another directory: docs/operations.md tells how it takes over.',
        });
      return this.renewAuthority(key, days);
    }
    const authority = await this.files.authority();
    const text = await this.files.read(`${name}.pem`);
    const before = text === undefined ? undefined : certificateOf(text, name);
    if (!newKey && before !== undefined && (await this.files.revoked()).has(serialOf(before)))
      throw new ConfigurationError(`the certificate of ${name} was revoked, and its key with it`, {
        subject: name,
        advice: `\`cdt certificates renew ${name} --new-key\` makes a certificate for a new key.`,
      });
    const made = await issueCertificate(authority, name, {
      key: newKey ? undefined : key,
      days,
      now: this.now(),
    });
    if (newKey) {
      const stamp = new Date(this.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '');
      await onDisk(this.path, link(this.files.file(`${name}.key`), this.files.file(`${name}.key.${stamp}`)));
      await writeFileAtomically(this.files.file(`${name}.key`), made.key, PRIVATE);
    }
    // Kept to be revoked with those that come later: it still holds.
    if (before !== undefined)
      await writeFileAtomically(this.files.file(`${name}.pem.${serialOf(before)}`), before.toString());
    await writeFileAtomically(this.files.file(`${name}.pem`), made.certificate);
    return this.listed(name);
  }

  /**
   * Revokes every certificate of a site that was made here until now, or the one that has a serial number. Without a name the list is
   * made as it is, which is empty at first.
   *
   * @throws ConfigurationError for a name that is neither, or where the key of the authority is not
   */
  async revoke(name?: string): Promise<{ file: string; serials: string[] }> {
    const authority = await this.files.authority();
    const before = await this.files.revoked();
    const now = name === undefined ? [] : await this.serialsOfSite(name);
    if (now.length === 0 && name !== undefined) {
      if (!/^[0-9a-f]{8,40}$/i.test(name))
        throw new ConfigurationError(
          `${this.path} has no certificate of ${name}, and it is no serial number`,
          {
            subject: name,
            advice:
              '`cdt certificates show --json` tells the sites and the serial numbers of their certificates.',
          },
        );
      now.push(serialOf({ serialNumber: name }));
    }
    const serials = [...new Set([...before, ...now])];
    await writeFileAtomically(
      this.files.file(REVOKED),
      await makeRevocationList(authority, serials, this.now()),
    );
    return { file: this.files.file(REVOKED), serials };
  }

  /** Of the certificate that a site has, and of those that it had before. */
  private async serialsOfSite(site: string): Promise<string[]> {
    if (!isSlug(site)) return [];
    const files = (await onDisk(this.path, readdir(this.path))).filter(
      (file) => file === `${site}.pem` || file.startsWith(`${site}.pem.`),
    );
    return Promise.all(
      files.map(async (file) => serialOf(certificateOf((await this.files.read(file)) ?? '', site))),
    );
  }

  /** What other authorities `authority.pem` holds stays in it. */
  private async renewAuthority(key: string, days: number | undefined): Promise<CertificateListing> {
    const [all, { certificate: old }] = [await this.files.authorities(), await this.files.authority()];
    const { subject, fingerprint256 } = new X509Certificate(old);
    const installation = /^CN=(.*) authority$/m.exec(subject)?.[1];
    const { certificate } = await makeAuthority({ installation, key, days, now: this.now() });
    const others = all.filter((one) => one.fingerprint256 !== fingerprint256).map((one) => one.toString());
    await writeFileAtomically(this.files.file(`${AUTHORITY}.pem`), [certificate, ...others].join(''));
    return this.listed(AUTHORITY);
  }

  /** Every certificate here, the authority first, each with what is wrong with it. */
  async list(): Promise<CertificateListing[]> {
    const files = await onDisk(this.path, ifPresent(readdir(this.path)));
    if (files === undefined)
      throw new ConfigurationError(`there is no directory of certificates ${this.path}`, {
        subject: this.path,
        advice: 'Correct --directory or stream.certificates; `cdt certificates init` makes one.',
      });
    const sites = files
      .filter((file) => file.endsWith('.pem') && file !== `${AUTHORITY}.pem`)
      .map((file) => file.slice(0, -'.pem'.length))
      .filter(isSlug)
      .sort();
    const authorities = await this.files.authorities();
    return [
      ...(await Promise.all(authorities.map((one) => this.describe(AUTHORITY, one, authorities)))),
      ...(await Promise.all(sites.map((site) => this.listed(site, authorities)))),
    ];
  }

  /**
   * What the workers of a site show and trust, checked.
   *
   * @throws ConfigurationError that says what is wrong with it and what to do
   */
  async credentials(site: string): Promise<SiteCredentials> {
    const [certificate, key, authority] = [
      await this.files.read(`${site}.pem`),
      await this.files.readKey(site),
      await this.files.read(`${AUTHORITY}.pem`),
    ];
    for (const [text, file] of [
      [certificate, `${site}.pem`],
      [key, `${site}.key`],
      [authority, `${AUTHORITY}.pem`],
    ] as const)
      if (text === undefined)
        throw new ConfigurationError(`${this.files.file(file)} is not there`, {
          subject: site,
          advice: `\`cdt certificates issue ${site}\` makes it, where the authority is; copy ${AUTHORITY}.pem, ${site}.pem and ${site}.key here.`,
        });
    const { endsAt, warnings } = await this.listed(site);
    const faults = warnings.filter((one) => !isForLater(one));
    if (faults.length > 0)
      throw new ConfigurationError(`the certificate of ${site} can't be used: ${faults.join('; ')}`, {
        subject: site,
        advice: `\`cdt certificates show\` tells all; \`cdt certificates renew ${site}\` makes the next one, where the authority is.`,
      });
    const lists = await this.files.lists();
    return {
      site,
      certificate: certificate ?? '',
      key: key ?? '',
      authority: authority ?? '',
      ...(lists.length === 0 ? {} : { revoked: lists }),
      endsAt,
    };
  }

  private async listed(name: string, authorities?: X509Certificate[]): Promise<CertificateListing> {
    const text = await this.files.read(`${name}.pem`);
    return this.describe(
      name,
      certificateOf(text ?? '', name),
      authorities ?? (await this.files.authorities()),
    );
  }

  private async describe(
    name: string,
    certificate: X509Certificate,
    authorities: X509Certificate[],
  ): Promise<CertificateListing> {
    const key = await this.files.readKey(name);
    // Of several authorities only one has its key here.
    const belongs =
      key !== undefined &&
      (name === AUTHORITY ? authorities : [certificate]).some((one) =>
        one.checkPrivateKey(privateKeyOf(key)),
      );
    const [beginsAt, endsAt] = [new Date(certificate.validFrom), new Date(certificate.validTo)];
    const warnings = [
      ...timeWarnings(certificate, this.now()),
      ...(name === AUTHORITY ? authorityWarnings(certificate) : siteWarnings(certificate, name, authorities)),
      ...(key === undefined || belongs ? [] : [`it does not belong to ${name}.key`]),
      ...((await this.files.revoked()).has(serialOf(certificate)) ? ['it was revoked'] : []),
    ];
    return {
      name,
      file: this.files.file(`${name}.pem`),
      subject: certificate.subject.replaceAll('\n', ', '),
      fingerprint: certificate.fingerprint256,
      serial: serialOf(certificate),
      beginsAt: beginsAt.toISOString(),
      endsAt: endsAt.toISOString(),
      key: key !== undefined,
      warnings,
    };
  }
}

function noSite(name: string): ConfigurationError {
  return new ConfigurationError(`"${name}" can't be the site of a certificate`, {
    subject: name,
    advice: 'use a-z, 0-9, _ and -, as in the topology',
  });
}
