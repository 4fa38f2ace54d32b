import type { Command } from 'commander';
import { percent } from '../../../core/policy/disk-level.js';
import { locationStates, type LocationState } from '../../locations.js';
import { formatBytes } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { settingsFor, withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

export function registerLocations(program: Command, io: Io): void {
  program
    .command('locations')
    .summary('list the locations: whether each is in use, how full it is, and since when')
    .description(
      'Lists the locations of the topology, with what measuring their disks found last. `cdt run monitoring --site S --location L` measures one now.',
    )
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: { json: boolean; dataDir?: string }) => {
      const servers = await serversFor(flags, io.environment);
      const states = await withCatalogue(servers, (catalogue) =>
        locationStates(catalogue, settingsFor(catalogue, io.environment)),
      );
      io.out(flags.json ? `${JSON.stringify(states, null, 2)}\n` : `${locationTable(states)}\n`);
      for (const line of warnings(states)) io.err.write(`${line}\n`);
    });
}

const HEAD = [
  'location',
  'type',
  'storage',
  'in use',
  'priority',
  'level',
  'full',
  'free',
  'expected',
  'fills by',
  'measured (UTC)',
];

function locationTable(states: LocationState[]): string {
  const rows = states.map(({ location, type, storage, active, priority, disk }) => [
    ...[location, type, storage, active ? 'yes' : 'no', String(priority)],
    ...(disk === undefined ? ['', '', '', '', '', storage === 'disk' ? 'never' : ''] : diskCells(disk)),
  ]);
  return table(HEAD, rows, { right: [4, 6, 7, 8, 9] });
}

function diskCells(disk: NonNullable<LocationState['disk']>): string[] {
  const measured = `${disk.measuredAt.slice(0, 19).replace('T', ' ')}${disk.stale ? ' (long ago)' : ''}`;
  if (disk.condition !== 'usable') return [disk.condition, '', '', '', '', measured];
  const { bytesPerSecond: rate } = disk;
  return [
    disk.level,
    percent(disk.usedShare),
    formatBytes(disk.freeBytes),
    signed(disk.expectedBytes),
    rate === undefined ? '' : `${signed(rate)}/s`,
    measured,
  ];
}

function signed(bytes: number): string {
  return bytes < 0 ? `-${formatBytes(-bytes)}` : formatBytes(bytes);
}

/** What an operator should do something about. */
function warnings(states: LocationState[]): string[] {
  return states.flatMap(({ location, active, disk }) => {
    if (!active || disk === undefined) return [];
    if (disk.condition !== 'usable')
      return [`${location} can't be used since ${disk.measuredAt}: ${disk.reason ?? ''}`];
    const full = disk.fullAt === undefined ? '' : `; full at about ${disk.fullAt}, if it goes on so`;
    return disk.level === 'ok'
      ? []
      : [`${location} is ${percent(disk.usedShare)} full: ${disk.level} since ${disk.levelSince}${full}`];
  });
}
