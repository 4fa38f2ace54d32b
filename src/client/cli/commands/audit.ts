import type { Command } from 'commander';
import type { UnknownObjects } from '../../../activities/archive-inventory.js';
import type { Catalogue } from '../../../core/database/catalogue.js';
import type { Damage, FixityStatus } from '../../../core/database/catalogue/fixity-status.js';
import type { Location } from '../../../core/database/records.js';
import { ConfigurationError } from '../../../core/exceptions.js';
import type { AuditTotals } from '../../../workflows/journeys.js';
import { findUnknownObjects, runAudit } from '../../audits.js';
import { count, formatBytes, formatDuration, shortTime } from '../../../core/utilities/format.js';
import { printable } from '../../../core/utilities/printable.js';
import { table } from '../display/tables.js';
import { EXIT, type Io } from '../io.js';
import { settingsFor, withCatalogue, withTemporal } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, nonNegative, placeOf, serversFor } from './options.js';

interface Flags {
  json: boolean;
  dataDir?: string;
}

/** How an archive's copies are, and how long reading all of them takes at the rate that is set. */
type ArchiveStatus = FixityStatus & { hoursToReadAll: number };

/** `cdt audit`: whether archived copies are still what they were. */
export function registerAudit(program: Command, io: Io): void {
  const group = program
    .command('audit')
    .summary('archived copies are read again: how they are, what was damaged, start now');
  group
    .command('status')
    .summary('tell of each archive its copies, the oldest reading, what was damaged and repaired')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags) => {
      const archives = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        statusOf(catalogue, io.environment),
      );
      io.out(flags.json ? `${JSON.stringify({ archives }, null, 2)}\n` : `${describe(archives)}\n`);
    });
  group
    .command('damage [site.location]')
    .summary('list the damage that was found, and what became of it; exit 1 if some is not repaired')
    .option('--open', 'only what is not repaired yet', false)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (name: string | undefined, flags: Flags & { open: boolean }) => {
      const damages = await withCatalogue(await serversFor(flags, io.environment), async (catalogue) => {
        const archive = name === undefined ? undefined : await archiveOf(catalogue, name);
        return catalogue.fixity.damages({ archiveLocationId: archive?.id, open: flags.open });
      });
      if (damages.some((one) => one.repairedAt === undefined)) io.exit(EXIT.failed);
      io.out(flags.json ? `${JSON.stringify({ damages }, null, 2)}\n` : `${damageTable(damages)}\n`);
    });
  group
    .command('run <site.location>')
    .summary('read the copies of an archive again now; exit 1 if one is damaged or could not be read')
    .description(
      'Reads the copies that are due, at the rate that is set for the archive, and waits for the end. What is damaged is repaired by itself afterwards. Ctrl-C ends the waiting only.',
    )
    .option('--all', 'every copy, not only those that are due', false)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (name: string, flags: Flags & { all: boolean }) => {
      const servers = await serversFor(flags, io.environment);
      const archive = placeOf(name);
      const before = await withCatalogue(servers, (catalogue) =>
        statusOfArchive(catalogue, io.environment, name),
      );
      if (flags.all)
        io.err.write(
          `reading ${count(before.copies, 'copy', 'copies')}, ${formatBytes(before.bytes)}, in about ${formatDuration(before.hoursToReadAll * 3600)} or less; Ctrl-C ends the waiting only\n`,
        );
      const joined = () => io.err.write('an audit of this archive is under way: waiting for its end\n');
      const totals = await withTemporal(servers, (client) => runAudit(client, archive, flags.all, joined));
      const after = await withCatalogue(servers, (catalogue) =>
        statusOfArchive(catalogue, io.environment, name),
      );
      if (totals.damaged + totals.unanswered + after.damaged > 0 || totals.endedEarly !== undefined)
        io.exit(EXIT.failed);
      io.out(flags.json ? `${JSON.stringify(totals, null, 2)}\n` : `${inWords(totals, after)}\n`);
    });
  group
    .command('unknown <site.location>')
    .summary('list what an archive holds and the catalogue does not know; exit 1 if there is any')
    .description(
      'Has the archive list all its objects and compares them with the catalogue. Nothing is changed or deleted. Ctrl-C ends the waiting only.',
    )
    .option('--older-than <hours>', 'leave out what was put there later than this', nonNegative, 24)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (name: string, flags: Flags & { olderThan: number }) => {
      const servers = await serversFor(flags, io.environment);
      await withCatalogue(servers, (catalogue) => archiveOf(catalogue, name));
      const found = await withTemporal(servers, (client) =>
        findUnknownObjects(client, placeOf(name), flags.olderThan),
      );
      if (found.unknown > 0) io.exit(EXIT.failed);
      io.out(flags.json ? `${JSON.stringify(found, null, 2)}\n` : `${unknownInWords(found)}\n`);
    });
}

function unknownInWords({ objects, unknown, unknownBytes, named }: UnknownObjects): string {
  if (unknown === 0) return `${count(objects, 'object')}, and the catalogue knows each`;
  const rows = named.map((one) => [printable(one.key), formatBytes(one.bytes), shortTime(one.lastModified)]);
  const lines = [
    table(['object', 'size', 'put there (UTC)'], rows, { right: [1] }),
    `${unknown} of ${count(objects, 'object')} are not known to the catalogue: ${formatBytes(unknownBytes)}${named.length < unknown ? `; the first ${named.length} are listed` : ''}`,
    'none of them is ever deleted by this system; docs/operations.md tells what they can be',
  ];
  return lines.join('\n');
}

/** @throws ConfigurationError where it is no archive */
async function archiveOf(catalogue: Catalogue, name: string): Promise<Location> {
  const place = placeOf(name);
  const location = await catalogue.location(place.site, place.location);
  if (location.locationType === 'long_term_archive') return location;
  throw new ConfigurationError(`${name} is no archive: it is a ${location.locationType}`, {
    subject: name,
    advice: '`cdt audit status` lists the archives',
  });
}

function inWords(
  { sound, damaged, unanswered, sidecars, endedEarly }: AuditTotals,
  after: ArchiveStatus,
): string {
  const lines = [
    `${count(sound, 'copy', 'copies')} read and sound, ${damaged} damaged, ${unanswered} not answered for, ${count(sidecars, 'sidecar')} written anew`,
  ];
  if (endedEarly !== undefined) lines.push(`not all was read that was to be: ${endedEarly}`);
  else if (sound + damaged + unanswered === 0)
    lines[0] =
      after.copies === 0
        ? 'the archive has no copy yet'
        : `no copy is due: the one that was read longest ago was read at ${shortTime(after.oldestVerification)} UTC; --all reads every copy`;
  if (unanswered > 0) lines.push('`cdt problems` tells why some gave no answer; that is not taken for loss');
  if (damaged > 0)
    lines.push('what is damaged is repaired by itself; `cdt audit damage` tells how far that is');
  else if (after.damaged > 0)
    lines.push(
      `${count(after.damaged, 'copy', 'copies')} found damaged before and not repaired yet: cdt audit damage --open`,
    );
  return lines.join('\n');
}

const KINDS: Record<Damage['kind'], string> = {
  missing: 'gone from the store',
  size: 'another size',
  digest: 'other bytes',
};

function damageTable(damages: Damage[]): string {
  if (damages.length === 0) return 'no damage is known';
  const rows = damages.map((one) => [
    one.name,
    one.archive,
    KINDS[one.kind],
    shortTime(one.foundAt),
    one.repairedAt === undefined
      ? 'not repaired yet: cdt explain tells why'
      : `${shortTime(one.repairedAt)} from ${one.repairedFrom ?? 'a file that was supplied'}`,
  ]);
  return table(['package', 'archive', 'found', 'at (UTC)', 'repaired (UTC)'], rows);
}

async function statusOfArchive(
  catalogue: Catalogue,
  environment: NodeJS.ProcessEnv,
  name: string,
): Promise<ArchiveStatus> {
  await archiveOf(catalogue, name);
  const [status] = (await statusOf(catalogue, environment)).filter((one) => one.archive === name);
  if (status !== undefined) return status;
  throw new ConfigurationError(`${name} is not in the catalogue any more`, { subject: name });
}

async function statusOf(catalogue: Catalogue, environment: NodeJS.ProcessEnv): Promise<ArchiveStatus[]> {
  const settings = settingsFor(catalogue, environment);
  const archives: ArchiveStatus[] = [];
  for (const one of await catalogue.fixity.status()) {
    const rate = await settings.get('audit.bytes_per_second', placeOf(one.archive));
    archives.push({ ...one, hoursToReadAll: Math.ceil(one.bytes / rate / 360) / 10 });
  }
  return archives;
}

function describe(archives: ArchiveStatus[]): string {
  if (archives.length === 0) return 'there is no archive yet';
  return table(
    [
      'archive',
      'copies',
      'size',
      'oldest reading (UTC)',
      'damaged',
      'repaired',
      'not answered',
      'hours to read all',
    ],
    archives.map((one) => [
      one.archive,
      String(one.copies),
      formatBytes(one.bytes),
      shortTime(one.oldestVerification),
      String(one.damaged),
      String(one.repaired),
      String(one.unanswered),
      String(one.hoursToReadAll),
    ]),
    { right: [1, 2, 4, 5, 6, 7] },
  );
}
