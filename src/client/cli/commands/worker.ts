import { Option, type Command } from 'commander';
import { OPERATION_NAMES, type Operation } from '../../../core/operation-types.js';
import { dataDirectoryOf } from '../directories.js';
import { environmentFor, readAddresses } from '../../embedded/stack.js';
import type { Io } from '../io.js';
import { DATA_DIR } from './options.js';

interface Flags {
  site: string;
  location?: string;
  operation?: Operation;
  workflows: boolean;
  dataDir?: string;
}

export function registerWorker(program: Command, io: Io): void {
  program
    .command('worker')
    .summary('do the work of a site, until the process is asked to stop')
    .description(
      "Serves every queue of a site's locations; --location and --operation narrow it. Its settings come from the environment.",
    )
    .requiredOption('--site <site>', 'the site that this machine belongs to')
    .option('--location <location>', 'only this location of the site')
    .addOption(new Option('--operation <operation>', 'only this operation').choices(OPERATION_NAMES))
    .option(
      '--workflows',
      "also run the workflows and the catalogue's own work: wanted once or twice in the whole installation",
      false,
    )
    .option(...DATA_DIR)
    .action(async ({ site, location, operation, workflows, dataDir }: Flags) => {
      const running = await readAddresses(dataDirectoryOf(dataDir, io.environment));
      // What the environment names itself goes before what runs for the data directory.
      Object.assign(io.environment, {
        ...(running === undefined ? {} : environmentFor(running)),
        ...io.environment,
      });
      // Loaded here, since no other command needs the worker's native code.
      const { runWorker } = await import('../../../worker/run-worker.js');
      await runWorker({ site, location, operation, workflows }, io.environment);
    });
}
