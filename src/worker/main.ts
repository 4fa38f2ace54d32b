import { parseArgs } from 'node:util';
import type { Progress } from '../activities/dependencies.js';
import { ConfigurationError } from '../core/exceptions.js';
import { formatFor, makeLogger } from '../core/logging.js';
import { isOperation } from '../core/operation-types.js';
import { runWorker } from './run-worker.js';
import type { WorkerSelection } from './selection.js';

/** The worker as a process of its own: `node main.js (--site S | --all-sites) [--location L] [--operation O] [--workflows]`. */

function selection(args: string[]): WorkerSelection {
  const { values } = parseArgs({
    args,
    options: {
      site: { type: 'string' },
      'all-sites': { type: 'boolean', default: false },
      location: { type: 'string' },
      operation: { type: 'string' },
      workflows: { type: 'boolean', default: false },
    },
  });
  if ((values.site === undefined) !== values['all-sites'])
    throw new ConfigurationError('give either --site or --all-sites');
  const { operation } = values;
  if (operation !== undefined && !isOperation(operation))
    throw new ConfigurationError(`there is no operation ${operation}`);
  return { site: values.site, location: values.location, operation, workflows: values.workflows };
}

/** Where a parent process gave us a channel: it hears of bytes that move, and its end is ours. */
function followParent(): ((progress: Progress) => void) | undefined {
  if (process.send === undefined) return undefined;
  process.on('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  return (progress) => {
    // A parent that is just going away can't hear it any more.
    if (process.connected) process.send?.({ type: 'progress', ...progress }, undefined, {}, () => undefined);
  };
}

try {
  await runWorker(selection(process.argv.slice(2)), process.env, followParent());
  process.exit(0);
} catch (error) {
  const log = makeLogger({ level: 'error', format: formatFor(process.stderr) });
  log.on('finish', () => process.exit(1));
  log.error('the worker ended', { error });
  log.end();
}
