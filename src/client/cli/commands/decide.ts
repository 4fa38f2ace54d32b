import type { Command } from 'commander';
import { ConfigurationError } from '../../../core/exceptions.js';
import type { Decision } from '../../../workflows/messages.js';
import { decide, waitingWorkflows, type WaitingWorkflow } from '../../operator.js';
import { asOurs } from '../../errors.js';
import { errorLines } from '../errors.js';
import { styleFor } from '../display/style.js';
import { EXIT, type Io } from '../io.js';
import { operatorName } from '../../operator-name.js';
import { withTemporal } from '../stack-access.js';
import { DATA_DIR, serversFor } from './options.js';

type Action = Decision['action'];

interface Flags {
  all: boolean;
  note?: string;
  dataDir?: string;
}

const MEANING: Record<Action, string> = {
  retry: 'do again what failed',
  skip: 'leave what failed undone and end the work in peace',
  abandon: 'give the work up as failed',
};

/** `retry`, `skip` and `abandon`: an operator's word to workflows that wait for it. */
export function registerDecisions(program: Command, io: Io): void {
  for (const action of ['retry', 'skip', 'abandon'] as const) {
    program
      .command(action)
      .summary(`${MEANING[action]}, for workflows that wait for an operator`)
      .argument('[target]', 'a workflow ID or the name of a package, as `cdt waiting` lists them')
      .option('--all', 'everything that waits', false)
      .option('--note <text>', 'why, for those who read the history')
      .option(...DATA_DIR)
      .action(async (target: string | undefined, flags: Flags) => {
        if ((target === undefined) === !flags.all)
          program.error(`error: name a workflow or a package, or give --all`);
        await withTemporal(await serversFor(flags, io.environment), async (client) => {
          const chosen = choose(await waitingWorkflows(client), target);
          if (chosen.length === 0) io.err.write('nothing waits for an operator\n');
          for (const one of chosen) {
            try {
              await decide(client, one.workflowId, { action, by: operatorName(), note: flags.note });
              io.err.write(`${one.workflowId}: ${action}\n`);
            } catch (error) {
              // Decided by somebody else meanwhile, perhaps; the others still get their word.
              io.err.write(`${errorLines(asOurs(error), styleFor(io.err, io.environment)).join('\n')}\n`);
              io.exit(EXIT.failed);
            }
          }
        });
      });
  }
}

/**
 * The waiting workflows that a target names; all without one.
 *
 * @throws ConfigurationError when none of that name waits
 */
export function choose(waiting: WaitingWorkflow[], target: string | undefined): WaitingWorkflow[] {
  if (target === undefined) return waiting;
  const name = target.replace(/\.tar$/, '');
  const chosen = waiting.filter((one) => one.workflowId === target || one.packageNames.includes(name));
  if (chosen.length > 0) return chosen;
  throw new ConfigurationError(`no workflow that waits for an operator is or concerns ${target}`, {
    subject: target,
    advice: '`cdt waiting` lists what waits.',
  });
}
