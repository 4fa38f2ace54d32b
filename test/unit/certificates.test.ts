import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { chmodSync, copyFileSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { CertificateDirectory } from '../../src/core/certificates/certificate-directory.js';
import {
  certificateName,
  issueCertificate,
  siteOfCertificate,
} from '../../src/core/certificates/certificates.js';
import { ConfigurationError, PermanentError } from '../../src/core/exceptions.js';
import { createFileAtomically } from '../../src/core/utilities/disk.js';
import { withScratch } from '../support/scratch.js';

const DAY = 86_400_000;

/** What the program says of what we wrote: another reader than the one that wrote it. */
function openssl(...words: string[]): string {
  return execFileSync('openssl', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function refused(words: RegExp) {
  return (error: Error) =>
    error instanceof ConfigurationError && words.test(`${error.message} ${error.advice ?? ''}`);
}

test('openssl reads the authority and the certificates of sites as what they are, for both ends of a connection', (t) =>
  withScratch(t, async (scratch) => {
    const path = join(scratch, 'certificates');
    const directory = new CertificateDirectory(path);
    const [authority] = await directory.init({ installation: 'FYST' });
    assert.equal(authority?.subject, 'CN=FYST authority');
    for (const site of ['ccat', 'new_york-2']) await directory.issue(site);
    const at = (name: string) => join(path, name);

    for (const purpose of ['sslserver', 'sslclient'])
      assert.equal(
        openssl(
          'verify',
          '-x509_strict',
          '-purpose',
          purpose,
          '-CAfile',
          at('authority.pem'),
          at('ccat.pem'),
        ),
        `${at('ccat.pem')}: OK\n`,
      );
    const text = openssl('x509', '-in', at('new_york-2.pem'), '-noout', '-text');
    assert.match(text, /Signature Algorithm: ecdsa-with-SHA256/);
    assert.match(text, /ASN1 OID: prime256v1/);
    assert.match(text, /DNS:new_york-2\.site\.cdt\.internal\n/);
    assert.match(text, /TLS Web Server Authentication, TLS Web Client Authentication/);
    assert.match(text, /Basic Constraints: critical\s+CA:FALSE/);
    assert.match(openssl('x509', '-in', at('authority.pem'), '-noout', '-text'), /CA:TRUE, pathlen:0/);
    const ccat = {
      certificate: readFileSync(at('ccat.pem'), 'utf8'),
      key: readFileSync(at('ccat.key'), 'utf8'),
    };
    await assert.rejects(issueCertificate(ccat, 'us'), refused(/is no authority/));

    for (const name of ['authority', 'ccat', 'new_york-2']) {
      assert.equal(statSync(at(`${name}.key`)).mode & 0o777, 0o600);
      assert.equal(
        openssl('pkey', '-in', at(`${name}.key`), '-pubout'),
        openssl('x509', '-in', at(`${name}.pem`), '-noout', '-pubkey'),
      );
    }
    assert.equal(statSync(path).mode & 0o777, 0o700);
    const certificate = new X509Certificate(readFileSync(at('ccat.pem')));
    assert.equal(siteOfCertificate(certificate), 'ccat');
    assert.equal(
      siteOfCertificate({ subjectAltName: 'DNS:ccat.site.cdt.internal, DNS:us.site.cdt.internal' }),
      undefined,
    );
    assert.equal(siteOfCertificate({ subjectAltName: 'DNS:evil.example.org' }), undefined);
    assert.equal(certificateName('ccat'), 'ccat.site.cdt.internal');
    const { site, endsAt } = await directory.credentials('ccat');
    assert.equal(site, 'ccat');
    assert.ok(Date.parse(endsAt) > Date.now() + 390 * DAY);
  }));

test('nothing is made twice, and no key is replaced but by a new one that keeps the old', (t) =>
  withScratch(t, async (path) => {
    const directory = new CertificateDirectory(path);
    await assert.rejects(directory.issue('ccat'), refused(/no authority\.key.*certificates init/));
    await directory.init();
    await directory.issue('ccat');
    const read = (file: string) => readFileSync(join(path, file), 'utf8');
    const before = { authority: read('authority.key'), key: read('ccat.key'), certificate: read('ccat.pem') };
    await assert.rejects(directory.init(), refused(/has an authority already/));
    await assert.rejects(directory.issue('ccat'), refused(/certificates renew ccat/));
    for (const name of ['authority', 'CCAT', '../x', 'a.b', ''])
      await assert.rejects(directory.issue(name), refused(/can't be/), name);
    await assert.rejects(directory.renew('us'), refused(/no us\.key.*certificates issue us/));
    assert.equal(read('authority.key'), before.authority);

    const renewed = await directory.renew('ccat');
    assert.deepEqual(renewed.warnings, []);
    assert.equal(read('ccat.key'), before.key);
    assert.notEqual(read('ccat.pem'), before.certificate);
    await directory.renew('ccat', { newKey: true });
    assert.notEqual(read('ccat.key'), before.key);
    const kept = readdirSync(path).find((file) => file.startsWith('ccat.key.'));
    assert.equal(read(kept ?? ''), before.key);
    assert.equal(statSync(join(path, kept ?? '')).mode & 0o777, 0o600);

    const [old] = await directory.list();
    await directory.renew('authority');
    const listed = await directory.list();
    assert.notEqual(listed[0]?.fingerprint, old?.fingerprint);
    assert.deepEqual(
      listed.map(({ name, key, warnings }) => [name, key, warnings]),
      [
        ['authority', true, []],
        ['ccat', true, []],
      ],
    );
    await assert.rejects(createFileAtomically(join(path, 'ccat.key'), 'other'), PermanentError);
    assert.ok(readdirSync(path).every((file) => !file.endsWith('.part')));
  }));

test('a command that was cut off between key and certificate is ended by the same command', (t) =>
  withScratch(t, async (path) => {
    const directory = new CertificateDirectory(path);
    const other = new CertificateDirectory(join(path, 'other'));
    await other.init();
    await other.issue('ccat');
    copyFileSync(join(path, 'other', 'authority.key'), join(path, 'authority.key'));
    copyFileSync(join(path, 'other', 'ccat.key'), join(path, 'ccat.key'));
    await directory.init();
    assert.deepEqual((await directory.issue('ccat')).warnings, []);
    assert.equal(
      readFileSync(join(path, 'ccat.key'), 'utf8'),
      readFileSync(join(path, 'other', 'ccat.key'), 'utf8'),
    );
  }));

test('what is wrong with a certificate is told, and keeps it from being used', (t) =>
  withScratch(t, async (scratch) => {
    const path = join(scratch, 'one');
    const now = Date.now();
    const directory = new CertificateDirectory(path);
    await directory.init();
    await directory.issue('ccat', { days: 100 });
    const later = (days: number) => new CertificateDirectory(path, () => now + days * DAY);
    const warnings = async (one: CertificateDirectory) => (await one.list())[1]?.warnings;
    assert.deepEqual(await warnings(later(68.5)), []);
    assert.deepEqual(await warnings(later(79.5)), ['ends in 20 days']);
    await later(99).credentials('ccat');
    assert.match((await warnings(later(101)))?.[0] ?? '', /^it ended on /);
    await assert.rejects(later(101).credentials('ccat'), refused(/ended on.*certificates renew ccat/));
    assert.match((await warnings(later(-1)))?.[0] ?? '', /is the clock of this machine right/);
    // One that was made shortly before the authority ends is not longer lived than it.
    const late = await later(3640).renew('ccat');
    assert.equal(late.endsAt, (await directory.list())[0]?.endsAt);
    await assert.rejects(later(3651).renew('ccat'), refused(/ended on .*renew authority/));
    await directory.renew('ccat');

    await assert.rejects(directory.credentials('us'), refused(/us\.pem is not there.*certificates issue us/));
    const second = new CertificateDirectory(join(scratch, 'two'));
    await second.init();
    await second.issue('ccat');
    const swap = (file: string) => copyFileSync(join(scratch, 'two', file), join(path, file));
    const good = readFileSync(join(path, 'ccat.pem'), 'utf8');
    swap('ccat.pem');
    await assert.rejects(directory.credentials('ccat'), refused(/not issued by an authority/));
    await assert.rejects(directory.credentials('ccat'), refused(/does not belong to ccat\.key/));
    // While one authority takes over from the other, both are trusted.
    swap('ccat.key');
    const both =
      readFileSync(join(path, 'authority.pem'), 'utf8') +
      readFileSync(join(scratch, 'two', 'authority.pem'), 'utf8');
    writeFileSync(join(path, 'authority.pem'), both);
    assert.equal((await directory.credentials('ccat')).authority, both);
    assert.equal((await directory.list()).filter((one) => one.name === 'authority').length, 2);

    writeFileSync(join(path, 'us.pem'), good);
    await assert.rejects(directory.credentials('us'), refused(/us\.key is not there/));
    copyFileSync(join(path, 'ccat.key'), join(path, 'us.key'));
    await assert.rejects(directory.credentials('us'), refused(/speaks for ccat, not for us/));
    writeFileSync(join(path, 'us.pem'), 'no certificate');
    await assert.rejects(directory.credentials('us'), refused(/us\.pem holds no certificate/));
    chmodSync(join(path, 'ccat.key'), 0o644);
    await assert.rejects(directory.credentials('ccat'), refused(/open to everybody.*chmod/));
    writeFileSync(join(path, 'authority.key'), 'no key');
    await assert.rejects(directory.issue('cologne'), (error: Error) => !error.message.includes('no key\n'));
  }));

test('a certificate is revoked with those that the site had before, openssl says so of them and of no other, and its key gets no other', (t) =>
  withScratch(t, async (path) => {
    const directory = new CertificateDirectory(path);
    await directory.init();
    for (const site of ['ccat', 'us']) await directory.issue(site);
    const at = (name: string) => join(path, name);
    copyFileSync(at('ccat.pem'), at('stolen'));
    await directory.renew('ccat');
    const check = (file: string): string => {
      const lists = ['-crl_check_all', '-CRLfile', at('revoked.crl')];
      try {
        return openssl('verify', '-x509_strict', ...lists, '-CAfile', at('authority.pem'), at(file));
      } catch (error) {
        return (error as { stderr: string }).stderr;
      }
    };
    await directory.revoke();
    for (const file of ['stolen', 'ccat.pem', 'us.pem']) assert.match(check(file), /: OK/);
    const held = await directory.credentials('ccat');
    assert.equal(held.revoked?.length, 1);

    assert.equal((await directory.revoke('ccat')).serials.length, 2);
    for (const file of ['stolen', 'ccat.pem']) assert.match(check(file), /certificate revoked/);
    assert.match(check('us.pem'), /: OK/);
    await assert.rejects(directory.credentials('ccat'), refused(/it was revoked/));
    await assert.rejects(directory.renew('ccat'), refused(/key with it.*--new-key/));
    await directory.renew('ccat', { newKey: true });
    assert.match(check('ccat.pem'), /: OK/);
    await directory.credentials('ccat');

    const { serial } = (await directory.list()).find(({ name }) => name === 'us')!;
    assert.equal(
      (await directory.revoke(serial.toLowerCase())).serials.length,
      3,
      'what was revoked stays so',
    );
    assert.match(check('us.pem'), /certificate revoked/);
    assert.match(check('stolen'), /certificate revoked/);
    await assert.rejects(directory.revoke('cologne'), refused(/no certificate of cologne/));
    for (const content of [
      '',
      'what it should not be',
      '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n',
    ]) {
      writeFileSync(at('revoked.crl'), content);
      await assert.rejects(directory.credentials('ccat'), refused(/is no list of revoked/), content);
    }
  }));
