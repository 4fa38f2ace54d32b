import type { Command } from 'commander';
import type { TransferAttempt } from '../../../core/database/catalogue/transfer-logs.js';
import { printable } from '../../../core/utilities/printable.js';
import { formatBytes, formatDuration } from '../../../core/utilities/format.js';
import type { Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, positive, serversFor } from './options.js';

interface Flags {
  json: boolean;
  dataDir?: string;
  limit: number;
}

/** `cdt transfers`: each attempt to send or to archive something, and where what it said lies. */
export function registerTransfers(program: Command, io: Io): void {
  program
    .command('transfers [what]')
    .summary('list attempts of transfers: when, how much, how it ended, and where the log is')
    .description(
      'Lists the attempts that are over of transfers between buffers and into archives, the latest first: of all, or of a package, a bundle or a data transfer (name or ID). What is under way, `cdt explain` tells.',
    )
    .option('--limit <number>', 'at most so many', positive, 50)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (what: string | undefined, flags: Flags) => {
      const found = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.transferLogs.list({ word: what?.replace(/\.tar$/, ''), limit: Math.ceil(flags.limit) }),
      );
      if (flags.json) io.out(`${JSON.stringify(found, null, 2)}\n`);
      else if (found.length === 0)
        io.out(
          what === undefined
            ? 'no attempt is over yet\n'
            : `no attempt of anything called ${printable(what)} is over; \`cdt explain\` tells what is under way\n`,
        );
      else io.out(`${found.map(lines).join('\n')}\n`);
    });
}

/** Several lines: names, messages and paths are too long for a table. */
function lines(one: TransferAttempt): string {
  const seconds =
    one.endedAt === undefined ? undefined : (Date.parse(one.endedAt) - Date.parse(one.startedAt)) / 1000;
  const facts = [
    one.outcome === 'interrupted' ? 'interrupted: its process was gone' : one.outcome,
    `${formatBytes(one.bytesMoved)} moved`,
    ...(seconds === undefined ? [] : [`in ${formatDuration(seconds)}`]),
    ...(one.bytesPerSecond === undefined ? [] : [`${formatBytes(one.bytesPerSecond)}/s`]),
  ];
  return [
    `${one.startedAt.slice(0, 19).replace('T', ' ')}  ${one.name}, attempt ${one.attempt}: ${facts.join(', ')}`,
    ...(one.errorClass === undefined ? [] : [`  ${one.errorClass}: ${one.message ?? ''}`]),
    `  log at ${one.site}: ${one.path}`,
  ]
    .map(printable)
    .join('\n');
}
