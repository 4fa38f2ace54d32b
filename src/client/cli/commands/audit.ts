import type { Command } from 'commander';
import type { Catalogue } from '../../../core/database/catalogue.js';
import type { FixityStatus } from '../../../core/database/catalogue/fixity.js';
import { effective, type ConfiguredSettings } from '../../../core/settings-manager.js';
import { runAudit } from '../../audits.js';
import { count, formatBytes } from '../display/format.js';
import { table } from '../display/tables.js';
import { EXIT, type Io } from '../io.js';
import { withCatalogue, withTemporal } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, placeOf, serversFor } from './options.js';

interface Flags {
  json: boolean;
  dataDir?: string;
}

/** How an archive's copies are, and how long reading all of them takes at the rate that is set. */
type ArchiveStatus = FixityStatus & { hoursToReadAll: number };

/** `cdt audit`: whether archived copies are still what they were. */
export function registerAudit(program: Command, io: Io): void {
  const group = program.command('audit').summary('read archived copies again: tell how they are, start now');
  group
    .command('status')
    .summary('tell of each archive its copies, the oldest reading, what was damaged and repaired')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags) => {
      const archives = await withCatalogue(await serversFor(flags, io.environment), statusOf);
      io.out(flags.json ? `${JSON.stringify({ archives }, null, 2)}\n` : `${describe(archives)}\n`);
    });
  group
    .command('run <site.location>')
    .summary('read the copies of an archive again now; exit 1 if one is damaged or could not be read')
    .option('--all', 'every copy, not only those that are due', false)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (name: string, flags: Flags & { all: boolean }) => {
      const servers = await serversFor(flags, io.environment);
      const archive = placeOf(name);
      await withCatalogue(servers, (catalogue) => catalogue.location(archive.site, archive.location));
      const totals = await withTemporal(servers, (client) => runAudit(client, archive, flags.all));
      if (totals.damaged + totals.unanswered > 0) io.exit(EXIT.failed);
      const { sound, damaged, unanswered, sidecars } = totals;
      const words = `${count(sound, 'copy', 'copies')} read and sound, ${damaged} damaged, ${unanswered} not answered for, ${count(sidecars, 'sidecar')} written anew`;
      io.out(flags.json ? `${JSON.stringify(totals, null, 2)}\n` : `${words}\n`);
    });
}

async function statusOf(catalogue: Catalogue): Promise<ArchiveStatus[]> {
  const stored = await catalogue.settings.stored();
  const configured: ConfiguredSettings = {};
  return (await catalogue.fixity.status()).map((one) => {
    const rate = effective('audit.bytes_per_second', placeOf(one.archive), stored, configured)
      .value as number;
    return { ...one, hoursToReadAll: Math.ceil(one.bytes / rate / 360) / 10 };
  });
}

function describe(archives: ArchiveStatus[]): string {
  if (archives.length === 0) return 'there is no archive yet';
  return table(
    [
      'archive',
      'copies',
      'size',
      'oldest reading',
      'damaged',
      'repaired',
      'not answered',
      'hours to read all',
    ],
    archives.map((one) => [
      one.archive,
      String(one.copies),
      formatBytes(one.bytes),
      one.oldestVerification ?? '',
      String(one.damaged),
      String(one.repaired),
      String(one.unanswered),
      String(one.hoursToReadAll),
    ]),
    { right: [1, 2, 4, 5, 6, 7] },
  );
}
