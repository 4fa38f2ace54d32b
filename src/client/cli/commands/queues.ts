import type { Command } from 'commander';
import { isStuck, queueStates, type QueueState } from '../../../worker/task-queues.js';
import { table } from '../display/tables.js';
import { EXIT, type Io } from '../io.js';
import { withCatalogue, withTemporal } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

export function registerQueues(program: Command, io: Io): void {
  program
    .command('queues')
    .summary('list the task queues: who serves them, and what waits')
    .description(
      'Lists every task queue of the topology with its workers and what waits there. Exit code 1 when work waits on a queue that nobody serves.',
    )
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: { json: boolean; dataDir?: string }) => {
      const servers = await serversFor(flags, io.environment);
      const locations = await withCatalogue(servers, (catalogue) => catalogue.locations());
      const states = await withTemporal(servers, (client) => queueStates(client, locations));
      io.out(flags.json ? `${JSON.stringify(states, null, 2)}\n` : `${queueTable(states)}\n`);
      for (const line of warnings(states)) io.err.write(`${line}\n`);
      if (states.some(isStuck)) io.exit(EXIT.failed);
    });
}

function queueTable(states: QueueState[]): string {
  const rows = states.map((one) => [
    one.queue,
    one.active ? 'in use' : 'out of use',
    one.pollers.map(({ identity, lastSeen }) => `${identity} ${lastSeen.slice(11, 19)}`).join('\n') ||
      (one.underWay > 0 ? `busy with ${one.underWay}` : 'nobody'),
    String(one.backlog),
    one.backlog > 0 ? `${one.oldestSeconds} s` : '',
  ]);
  return table(['queue', 'location', 'worker, last seen (UTC)', 'waiting', 'oldest'], rows, {
    right: [3, 4],
  });
}

/** What an operator should do something about. */
export function warnings(states: QueueState[]): string[] {
  return states
    .filter((one) => !one.served && (one.active || one.backlog > 0))
    .map((one) =>
      one.backlog > 0
        ? `${one.queue}: about ${one.backlog} pieces of work wait and no worker serves it`
        : `${one.queue}: no worker serves it, though work may come`,
    );
}
