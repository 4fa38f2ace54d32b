import type { Command } from 'commander';
import type { DeletionHold } from '../../../core/database/catalogue/holds.js';
import { printable } from '../../../core/utilities/printable.js';
import { count } from '../../../core/utilities/format.js';
import type { Io } from '../io.js';
import { operatorName } from '../../operator-name.js';
import { withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface Flags {
  json: boolean;
  dataDir?: string;
}

/** `cdt hold`: an operator's word that nothing of a package, or of an observation, is to be deleted. */
export function registerHold(program: Command, io: Io): void {
  const group = program
    .command('hold')
    .summary('keep everything of a package or an observation from being deleted')
    .description(
      'Holds a package or an observation: nothing of it is deleted, at no location, until it is released. Deletions that were scheduled are undone; what was under way is told.',
    )
    .argument('<what>', 'name or ID of a package or an observation, or the ID of a copy')
    .option('--reason <text>', 'why, for those who find it later (needed)')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (what: string, flags: Flags & { reason?: string }) => {
      // Not a required option: the parser would ask the subcommands for it, too.
      if (flags.reason === undefined || flags.reason.trim() === '')
        program.error("error: required option '--reason <text>' not specified");
      await placeHold(what, flags.reason, flags, io);
    });
  group
    .command('release')
    .summary('end a hold')
    .argument('<what>', 'as for `cdt hold`')
    .option(...DATA_DIR)
    .action(async (what: string, _: unknown, command: Command) => {
      // Options that `cdt hold` has too, the parser gives to it.
      const flags = command.optsWithGlobals<{ dataDir?: string }>();
      const hold = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.deletions.release(what, operatorName()),
      );
      const lines =
        hold.still.length === 0
          ? [`${hold.kind} ${hold.name} is held no more`]
          : [
              `that hold of ${hold.kind} ${hold.name} is released; it is held all the same:`,
              ...hold.still.map(line),
            ];
      io.err.write(`${lines.map(printable).join('\n')}\n`);
    });
  group
    .command('list')
    .summary('list holds')
    .option('--all', 'also those that were released', false)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (_: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Flags & { all: boolean }>();
      const holds = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.deletions.holds({ released: flags.all }),
      );
      if (flags.json) io.out(`${JSON.stringify(holds, null, 2)}\n`);
      else io.out(holds.length === 0 ? 'nothing is held\n' : `${holds.map(line).join('\n')}\n`);
    });
}

/** Places a hold and tells what it came to; also what undoes a scheduled deletion. */
export async function placeHold(what: string, reason: string, flags: Flags, io: Io): Promise<void> {
  const placed = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
    catalogue.deletions.hold(what, reason, operatorName()),
  );
  if (flags.json) {
    io.out(`${JSON.stringify(placed, null, 2)}\n`);
    return;
  }
  const { hold, undone, underWay } = placed;
  const lines = [
    `${hold.kind} ${hold.name} is held: ${hold.reason} (by ${hold.placedBy}, ${hold.placedAt})`,
    undone === 0 ? 'no deletion of it was scheduled' : `${count(undone, 'scheduled deletion')} undone`,
    ...(underWay === 0 ? [] : [`${count(underWay, 'deletion')} under way: what is gone of them is gone`]),
    `until \`cdt hold release ${hold.name}\``,
  ];
  io.err.write(`${lines.map(printable).join('\n')}\n`);
}

function line(hold: DeletionHold): string {
  const released =
    hold.releasedAt === undefined ? '' : `; released by ${hold.releasedBy ?? ''} at ${hold.releasedAt}`;
  return printable(
    `${hold.kind} ${hold.name}: ${hold.reason} (by ${hold.placedBy} at ${hold.placedAt}${released})`,
  );
}
