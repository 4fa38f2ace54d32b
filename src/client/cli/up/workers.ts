import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { variableOf } from '../../../core/settings-registry.js';
import { environmentFor, type Addresses } from '../../embedded/stack.js';
import type { Supervisor } from '../../embedded/supervisor.js';
import { DESTINATION, ORIGIN } from './topology.js';

const PROGRAM = fileURLToPath(new URL('../../../worker/main.js', import.meta.url));

/** How often planners look for work of their own accord here, where somebody watches. */
const PLAN_EVERY_SECONDS = 15;

/** Longer than a worker takes to drain, in milliseconds. */
const STOP_TIMEOUT = 30_000;

const nameOf = (site: string): string => `worker-${site}`;

/** Starts one worker process for each site and keeps them running; the archive's site runs the workflows too. */
export async function startWorkers(options: {
  supervisor: Supervisor;
  addresses: Addresses;
  environment: NodeJS.ProcessEnv;
  quietSeconds: number;
  /** Told of everything that the workers say while bytes move. */
  onMessage: (message: unknown) => void;
}): Promise<void> {
  const { supervisor, addresses, environment, quietSeconds, onMessage } = options;
  const env = {
    [variableOf('planning.interval_seconds')]: String(PLAN_EVERY_SECONDS),
    [variableOf('monitoring.interval_seconds')]: String(PLAN_EVERY_SECONDS),
    // The disk of somebody's own machine, which is often nearly full without any harm.
    [variableOf('monitoring.warn_percent')]: '97',
    [variableOf('monitoring.high_percent')]: '98',
    [variableOf('monitoring.critical_percent')]: '99',
    CCAT_DATA_TRANSFER_COMMAND_LOGS: join(supervisor.logs, 'commands'),
    ...environment,
    ...environmentFor(addresses),
    CCAT_DATA_TRANSFER_QUIET_SECONDS: String(quietSeconds),
    // Whoever asks for `--delete-source` waits for it; in an observatory, time to think better of it comes first.
    CCAT_DATA_TRANSFER_DELETION_GRACE_HOURS: '0',
    CCAT_DATA_TRANSFER_DELETION_BUDGET_SHARE: '1',
    CCAT_DATA_TRANSFER_DELETION_BUDGET_COPIES: '1000000',
  };
  const worker = (site: string, ...more: string[]) =>
    supervisor.start({
      name: nameOf(site),
      command: process.execPath,
      args: [PROGRAM, '--site', site, ...more],
      env,
      stopTimeoutMs: STOP_TIMEOUT,
      restart: true,
      ipc: true,
      onMessage,
    });
  await worker(ORIGIN);
  await worker(DESTINATION, '--workflows');
}

/** Lets the workers end what they can in time; Temporal gives the rest to the next ones. */
export async function stopWorkers(supervisor: Supervisor): Promise<void> {
  await supervisor.stop(nameOf(ORIGIN), nameOf(DESTINATION));
}
