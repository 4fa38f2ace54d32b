import type { Command } from 'commander';
import { waitingWorkflows } from '../../operator.js';
import { shorten, shortTime } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { withTemporal } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

export function registerWaiting(program: Command, io: Io): void {
  program
    .command('waiting')
    .summary('list the workflows that wait for an operator')
    .description(
      "Lists the workflows that can't go on without a person. Answer with cdt retry, cdt skip or cdt abandon.",
    )
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: { json: boolean; dataDir?: string }) => {
      const waiting = await withTemporal(await serversFor(flags, io.environment), waitingWorkflows);
      if (flags.json) {
        io.out(`${JSON.stringify(waiting, null, 2)}\n`);
        return;
      }
      const rows = waiting.map((one) => [
        one.workflowId,
        shortTime(one.since),
        shorten(one.reason ?? '', 100),
      ]);
      io.out(
        rows.length === 0
          ? 'nothing waits for an operator\n'
          : `${table(['workflow', 'since (UTC)', 'why'], rows)}\n`,
      );
    });
}
