import { setTimeout as sleep } from 'node:timers/promises';
import { Argument, type Command } from 'commander';
import type { Client } from '@temporalio/client';
import { OPERATION_NAMES, type Operation } from '../../../core/operation-types.js';
import { runningWorkflows, waitingWorkflows } from '../../operator.js';
import { runPlanner } from '../../planners.js';
import { count } from '../../../core/utilities/format.js';
import { EXIT, type Io } from '../io.js';
import { withCatalogue, withTemporal } from '../stack-access.js';
import { DATA_DIR, serversFor } from './options.js';

interface Flags {
  site: string;
  location: string;
  wait: boolean;
  dataDir?: string;
}

/** A planner that has not ended so soon may have no worker. */
const SILENCE_MS = 10_000;
const SILENCE =
  'its planner has not ended yet: `cdt queues` tells whether workers serve its queues; Ctrl-C ends the waiting only\n';

/** Between two looks whether work is still under way, in milliseconds. */
const LOOK_EVERY = 1000;

export function registerRun(program: Command, io: Io): void {
  program
    .command('run')
    .summary('plan and start the work of an operation now')
    .description(
      'Has the planner of an operation look for work at a location now, instead of at its next time.',
    )
    .addArgument(new Argument('<operation>', 'the operation').choices(OPERATION_NAMES))
    .requiredOption('--site <site>', 'the site')
    .requiredOption('--location <location>', 'the location of the site')
    .option(
      '--wait',
      'return when no work is under way any more; exit 1 if some waits for an operator then',
      false,
    )
    .option(...DATA_DIR)
    .action(async (operation: Operation, flags: Flags) => {
      const servers = await serversFor(flags, io.environment);
      const location = await withCatalogue(servers, (catalogue) =>
        catalogue.location(flags.site, flags.location),
      );
      await withTemporal(servers, async (client) => {
        const silence = setTimeout(() => io.err.write(SILENCE), SILENCE_MS);
        const { planned, scan } = await runPlanner(client, operation, location).finally(() =>
          clearTimeout(silence),
        );
        if (scan !== undefined) {
          io.err.write(
            `${count(scan.entries, 'entry', 'entries')} seen, ${scan.unquiet} still being written, ${scan.refused} that can't be packaged\n`,
          );
        }
        io.err.write(`${count(planned, 'journey')} started\n`);
        if (flags.wait && !(await untilNothingRuns(client, io))) io.exit(EXIT.failed);
      });
    });
}

/** Whether all ended well, when nothing runs but what waits for a person. */
async function untilNothingRuns(client: Client, io: Io): Promise<boolean> {
  for (;;) {
    const waiting = await waitingWorkflows(client);
    if ((await runningWorkflows(client)) <= waiting.length) {
      if (waiting.length > 0)
        io.err.write(`${count(waiting.length, 'workflow')} wait for an operator: cdt waiting\n`);
      return waiting.length === 0;
    }
    await sleep(LOOK_EVERY);
  }
}
