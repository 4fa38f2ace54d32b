import { Option, type Command } from 'commander';
import { OPERATION_NAMES, type Operation } from '../../../core/operation-types.js';
import { dataDirectoryOf } from '../directories.js';
import { environmentFor, readAddresses } from '../../embedded/addresses.js';
import type { Io } from '../io.js';
import { DATA_DIR } from './options.js';

interface Flags {
  site?: string;
  allSites: boolean;
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
      "Serves every queue of a site's locations; --location and --operation narrow it. Follows the catalogue: what is added there is served within seconds, what is switched off is drained; a site that is not there yet is waited for. Its settings come from the environment. SIGTERM or Ctrl-C ends it when what is at hand has ended or was handed back; once more ends it at once.",
    )
    .option('--site <site>', 'the site that this machine belongs to')
    .option('--all-sites', 'every site of the catalogue: for an installation on one machine', false)
    .option('--location <location>', 'only this location of the site')
    .addOption(new Option('--operation <operation>', 'only this operation').choices(OPERATION_NAMES))
    .option(
      '--workflows',
      "also run the workflows and the catalogue's own work: wanted once or twice in the whole installation",
      false,
    )
    .option(...DATA_DIR)
    .action(async ({ site, allSites, location, operation, workflows, dataDir }: Flags, command: Command) => {
      if ((site === undefined) !== allSites) command.error('error: give either --site or --all-sites');
      if (location !== undefined && site === undefined) command.error('error: --location needs --site');
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
