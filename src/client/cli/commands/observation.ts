import { Option, type Command } from 'commander';
import type { Catalogue } from '../../../core/database/catalogue.js';
import type { Execution } from '../../../core/database/catalogue/observations.js';
import { PermanentError } from '../../../core/exceptions.js';
import { STATUSES, type Status } from '../../../core/states.js';
import { printable } from '../../../core/utilities/printable.js';
import {
  finishObservation,
  listObservations,
  registerFiles,
  startObservation,
  type ExecutionName,
} from '../../observations.js';
import { count } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, nonNegative, positive, serversFor } from './options.js';

interface Flags {
  dataDir?: string;
  json: boolean;
}

const NAMED = [
  ['--uuid <uuid>', "the instrument's own identifier of this execution"],
  ['--source <site.location>', 'the source that its files are written to'],
  ['--folder <name>', 'its folder at the source'],
  ['--at <time>', 'when, as 2026-11-24T20:15:00Z (default: now)'],
] as const;

/** `cdt observation`: what instruments tell, and what is known of executions. */
export function registerObservation(program: Command, io: Io): void {
  const group = program
    .command('observation')
    .summary('tell that an observation began or ended, and see what is known of it');
  const inCatalogue = async <T>(flags: Flags, act: (catalogue: Catalogue) => Promise<T>) =>
    withCatalogue(await serversFor(flags, io.environment), act);
  const shown = async (catalogue: Catalogue, id: string, flags: Flags) =>
    tell(io, await catalogue.observations.find(id), flags);

  named(group.command('start').summary('tell that an observation began'))
    .option('--obs-unit <uuid>', 'what was planned')
    .action(async (flags: Flags & ExecutionName & { at?: string; obsUnit?: string }) => {
      await inCatalogue(flags, async (catalogue) =>
        shown(catalogue, await startObservation(catalogue, { ...flags, obsUnitId: flags.obsUnit }), flags),
      );
    });

  named(
    group
      .command('finish')
      .summary('tell that an observation is over: its files are packaged as soon as they are still'),
  )
    .option('--failed', 'it was broken off; what it wrote is kept all the same', false)
    .action(async (flags: Flags & ExecutionName & { at?: string; failed: boolean }) => {
      const outcome = flags.failed ? 'failed' : 'completed';
      await inCatalogue(flags, async (catalogue) =>
        shown(catalogue, await finishObservation(catalogue, { ...flags, outcome }), flags),
      );
    });

  group
    .command('register <site.location> <path...>')
    .summary('tell of files that were written, by their paths below the source; runs where its disk is')
    .option(
      '--quiet-seconds <seconds>',
      'a file is still when it was not written for so long',
      nonNegative,
      60,
    )
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (source: string, paths: string[], flags: Flags & { quietSeconds: number }) => {
      const options = { quietSeconds: flags.quietSeconds, now: Date.now() };
      const told = paths.map((path) => Buffer.from(path));
      const done = await inCatalogue(flags, (catalogue) => registerFiles(catalogue, source, told, options));
      io.out(
        flags.json
          ? `${JSON.stringify(done)}\n`
          : `${count(done.fresh, 'new file', 'new files')}, ${count(done.changed, 'changed one', 'changed ones')}\n`,
      );
    });

  group
    .command('list')
    .summary('list observations, the latest first')
    .option('--source <site.location>', 'of one source')
    .addOption(new Option('--status <status>', 'in one state').choices(STATUSES))
    .option('--limit <number>', 'at most so many', positive, 50)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags & { source?: string; status?: Status; limit: number }) => {
      const found = await inCatalogue(flags, (catalogue) =>
        listObservations(catalogue, { ...flags, limit: Math.ceil(flags.limit) }),
      );
      tell(io, found, flags);
    });

  group
    .command('show <observation>')
    .summary('show one observation, by its name, its UUID or its ID')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (word: string, flags: Flags) => {
      const found = await inCatalogue(flags, (catalogue) => catalogue.observations.find(word));
      if (found.length === 0)
        throw new PermanentError(`no observation is known as ${printable(word)}`, {
          subject: printable(word),
          advice: '`cdt observation list` lists them',
        });
      tell(io, found, flags);
    });
}

function named(command: Command): Command {
  for (const [flag, description] of NAMED) command.option(flag, description);
  return command.option(...JSON_OUTPUT, false).option(...DATA_DIR);
}

function tell(io: Io, found: Execution[], flags: Flags): void {
  if (flags.json) io.out(`${JSON.stringify(found, null, 2)}\n`);
  else if (found.length === 0) io.out('there are no observations yet\n');
  else io.out(`${table(HEADINGS, found.map(line))}\n`);
}

const HEADINGS = [
  'observation',
  'source',
  'state',
  'began',
  'ended',
  'waiting files',
  'packages',
  'archived',
  'UUID',
];

function line(one: Execution): string[] {
  return [
    printable(one.name),
    `${one.site}.${one.location}`,
    one.status,
    one.startedAt ?? '',
    one.finishedAt ?? '',
    String(one.waitingFiles),
    String(one.packages),
    String(one.archivedPackages),
    one.uuid ?? one.id,
  ];
}
