import type { Command } from 'commander';
import { terminalWidth } from '../display/screen.js';
import { packageTable } from '../display/tables.js';
import type { Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { packageDocument } from '../up/document.js';
import { DATA_DIR, JSON_OUTPUT, positive, serversFor } from './options.js';

interface Flags {
  json: boolean;
  dataDir?: string;
  limit: number;
  before?: string;
}

export function registerPackages(program: Command, io: Io): void {
  program
    .command('packages')
    .summary('list the latest packages and where the archive keeps them')
    .option('--limit <number>', 'at most so many', positive, 50)
    .option('--before <package>', 'only such that were planned before this one: the next page')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags) => {
      const limit = Math.ceil(flags.limit);
      const before = flags.before?.replace(/\.tar$/, '');
      const found = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.latestPackages({ limit, before }),
      );
      const packages = found.map(packageDocument);
      if (flags.json) io.out(`${JSON.stringify(packages, null, 2)}\n`);
      else if (packages.length === 0)
        io.out(`there are no ${before === undefined ? '' : 'earlier '}packages\n`);
      else io.out(`${packageTable(packages, terminalWidth(process.stdout))}\n`);
      const last = packages.at(-1);
      if (last !== undefined && packages.length === limit)
        io.err.write(`earlier ones: cdt packages --before ${last.name}\n`);
    });
}
