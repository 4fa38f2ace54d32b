import type { Command } from 'commander';
import { migrate } from '../../../core/database/data-source.js';
import { registerSearchAttributes } from '../../set-up.js';
import type { Io } from '../io.js';
import { withCatalogue, withTemporal } from '../stack-access.js';
import { DATA_DIR, serversFor } from './options.js';

export function registerMigrate(program: Command, io: Io): void {
  program
    .command('migrate')
    .summary('bring the servers up to date: tables and search attributes')
    .description(
      "Brings the catalogue's tables and the Temporal namespace to what this version needs. Safe to repeat, and safe beside running workers.",
    )
    .option(...DATA_DIR)
    .action(async (flags: { dataDir?: string }) => {
      const servers = await serversFor(flags, io.environment);
      await withCatalogue(servers, (_, dataSource) => migrate(dataSource));
      io.err.write('the tables are up to date\n');
      await withTemporal(servers, registerSearchAttributes);
      io.err.write('search attributes are up to date; schedules follow the topology by themselves\n');
    });
}
