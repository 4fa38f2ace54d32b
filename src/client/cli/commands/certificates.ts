import { InvalidArgumentError, type Command } from 'commander';
import {
  CertificateDirectory,
  type CertificateListing,
} from '../../../core/certificates/certificate-directory.js';
import { AUTHORITY, REVOKED } from '../../../core/certificates/certificate-files.js';
import { loadConfiguration } from '../../../core/configuration.js';
import { ConfigurationError } from '../../../core/exceptions.js';
import { shortTime } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import { EXIT, type Io } from '../io.js';
import { JSON_OUTPUT, positive } from './options.js';

interface Flags {
  directory?: string;
}

const DIRECTORY = ['--directory <dir>', 'where the certificates lie (else stream.certificates)'] as const;
const DAYS = '--days <n>';

/** `cdt certificates`: by which the workers of two sites know each other on a stream route. */
export function registerCertificates(program: Command, io: Io): void {
  const group = program
    .command('certificates')
    .summary('make and show the certificates of the sites, for routes of transport stream');
  group
    .command('init')
    .summary('make the authority of this installation, once')
    .description(
      'Makes authority.pem and authority.key. Whoever has that key can speak for every site: keep it where certificates are made, and nowhere else.',
    )
    .option('--name <installation>', 'whose authority it is: stands in its name, for people')
    .option(DAYS, 'how long it holds (else ten years)', days)
    .option(...DIRECTORY)
    .action(async (flags: Flags & { name?: string; days?: number }) => {
      const directory = directoryOf(flags);
      const [made] = await directory.init({ installation: flags.name, days: flags.days });
      told(made);
      io.err.write(
        `Keep ${directory.path}/${AUTHORITY}.key here, with a backup; each site gets ${AUTHORITY}.pem. Next: cdt certificates issue SITE\n`,
      );
    });
  group
    .command('issue <site>')
    .summary('make the key and the certificate of a site')
    .option(DAYS, 'how long it holds (else 397 days)', days)
    .option(...DIRECTORY)
    .action(async (site: string, flags: Flags & { days?: number }) => {
      const directory = directoryOf(flags);
      told(await directory.issue(site, { days: flags.days }));
      io.err.write(
        `Bring ${AUTHORITY}.pem, ${site}.pem and ${site}.key, by a way that keeps the key private, into the directory stream.certificates of ${site}'s workers.\n`,
      );
    });
  group
    .command('renew <name>')
    .summary('make the next certificate of a site, or of the authority')
    .description(
      'For the same key, so that only the certificate has to be brought to the site, where workers take it up by themselves. With --new-key a site gets a new key; the old one is kept beside it.',
    )
    .option('--new-key', 'for a new key: when others may have seen the old one', false)
    .option(DAYS, 'how long it holds (else 397 days; an authority ten years)', days)
    .option(...DIRECTORY)
    .action(async (name: string, flags: Flags & { newKey: boolean; days?: number }) => {
      told(await directoryOf(flags).renew(name, { newKey: flags.newKey, days: flags.days }));
      const files = flags.newKey ? `${name}.pem and ${name}.key` : `${name}.pem`;
      const whom = name === AUTHORITY ? 'every site' : `${name}'s workers`;
      io.err.write(`Bring ${files} into the directory stream.certificates of ${whom}.\n`);
    });
  group
    .command('revoke [name]')
    .summary('revoke the certificates of a site, or the one of a serial number')
    .description(
      'Writes the list of what was revoked, revoked.crl. A site gets a new certificate by `cdt certificates renew SITE --new-key`. Without a name the list is written as it is, empty at first.',
    )
    .option(...DIRECTORY)
    .action(async (name: string | undefined, flags: Flags) => {
      const { file, serials } = await directoryOf(flags).revoke(name);
      io.out(`${file}: ${serials.length} revoked\n`);
      io.err.write(
        `Bring ${REVOKED} into the directory stream.certificates of every site: workers take it up within a minute, by themselves.\n`,
      );
    });
  group
    .command('show')
    .summary('list the certificates here; exit code 1 if one is wrong or ends within 30 days')
    .option(...JSON_OUTPUT, false)
    .option(...DIRECTORY)
    .action(async (flags: Flags & { json: boolean }) => {
      const found = await directoryOf(flags).list();
      if (found.some((one) => one.warnings.length > 0)) io.exit(EXIT.failed);
      if (flags.json) {
        io.out(`${JSON.stringify(found, null, 2)}\n`);
        return;
      }
      if (found.length === 0) {
        io.out('there is no certificate here: `cdt certificates init` makes an authority\n');
        return;
      }
      const rows = found.map((one) => [
        one.name,
        one.fingerprint,
        shortTime(one.beginsAt),
        shortTime(one.endsAt),
        one.key ? 'here' : '',
        one.warnings.join('; '),
      ]);
      const head = ['of', 'SHA-256 of the certificate', 'from (UTC)', 'until (UTC)', 'key', 'to see to'];
      io.out(`${table(head, rows, { widths: { 1: 50, 5: 40 } })}\n`);
    });

  function directoryOf({ directory }: Flags): CertificateDirectory {
    const path = directory ?? loadConfiguration(io.environment).values['stream.certificates'];
    if (path !== undefined) return new CertificateDirectory(path);
    throw new ConfigurationError('no directory of certificates is known', {
      subject: 'stream.certificates',
      advice: 'give --directory, or set stream.certificates (docs/configuration.md)',
    });
  }

  function told(made: CertificateListing | undefined): void {
    if (made === undefined) return;
    io.out(`${made.file}: ${made.subject}, until ${shortTime(made.endsAt)} UTC\n${made.fingerprint}\n`);
  }
}

/** Parses a number of days. */
function days(text: string): number {
  const value = positive(text);
  if (value > 36_500) throw new InvalidArgumentError('It must be a number of days, at most 36500.');
  return value;
}
