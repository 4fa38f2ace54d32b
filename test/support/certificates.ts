import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StreamIdentity } from '../../src/core/transport/stream/identity.js';

/** An authority of a test's own, which issues certificates for sites with the `openssl` program, in a directory of its own. */
export class TestAuthority {
  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#key('authority');
    this.#openssl(
      'req',
      '-x509',
      '-new',
      '-key',
      'authority.key',
      '-subj',
      '/CN=test authority',
      '-days',
      '2',
      '-out',
      'authority.pem',
    );
  }

  /** The identity of a site. `names` are its DNS names, `days` how long it holds; below 0 it has expired. */
  issue(site: string, { names = [`${site}.site.cdt.internal`], days = 1 } = {}): StreamIdentity {
    this.#key(site);
    const extensions =
      names.length === 0 ? '' : `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}\n`;
    writeFileSync(join(this.directory, `${site}.ext`), extensions);
    this.#openssl('req', '-new', '-key', `${site}.key`, '-subj', `/CN=${site}`, '-out', `${site}.csr`);
    const issuer = ['-CA', 'authority.pem', '-CAkey', 'authority.key', '-extfile', `${site}.ext`];
    this.#openssl(
      'x509',
      '-req',
      '-in',
      `${site}.csr`,
      ...issuer,
      '-days',
      String(days),
      '-out',
      `${site}.pem`,
    );
    return readIdentity(this.directory, site);
  }

  #key(name: string): void {
    this.#openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', `${name}.key`);
  }

  #openssl(...words: string[]): void {
    execFileSync('openssl', words, { cwd: this.directory, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

/** What {@link TestAuthority.issue} left in its directory. */
export function readIdentity(directory: string, site: string): StreamIdentity {
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  return { certificate: read(`${site}.pem`), key: read(`${site}.key`), authority: read('authority.pem') };
}
