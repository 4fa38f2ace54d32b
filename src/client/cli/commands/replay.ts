import type { Command } from 'commander';
import { table } from '../display/tables.js';
import { EXIT, type Io } from '../io.js';
import { withTemporal } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface Replayed {
  workflowId: string;
  /** Why this version can't go on with it; absent where it can. */
  error?: string;
}

export function registerReplay(program: Command, io: Io): void {
  program
    .command('replay')
    .summary('before a deployment: can this version go on with every workflow that runs now?')
    .description(
      'Replays the history of every running workflow with the code of this version, and changes nothing. Exit code 1 when one of them would break.',
    )
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: { json: boolean; dataDir?: string }) => {
      const servers = await serversFor(flags, io.environment);
      // Loaded here, since it brings the worker's native code.
      const { replayRunning } = await import('../../../worker/replay-running.js');
      const replayed: Replayed[] = await withTemporal(servers, replayRunning);
      const broken = replayed.filter(({ error }) => error !== undefined);
      if (flags.json) io.out(`${JSON.stringify(replayed, null, 2)}\n`);
      else if (broken.length > 0)
        io.out(
          `${table(
            ['workflow', 'why'],
            broken.map((one) => [one.workflowId, one.error ?? '']),
          )}\n`,
        );
      io.err.write(
        `${replayed.length} running workflows replayed, ${broken.length} of which this version can't go on with\n`,
      );
      if (broken.length > 0) io.exit(EXIT.failed);
    });
}
