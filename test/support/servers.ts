import assert from 'node:assert/strict';
import { startStack, type Addresses } from '../../src/client/embedded/stack.js';
import { Supervisor } from '../../src/client/embedded/supervisor.js';
import { cleanEnvironment } from './command.js';
import { processesOf, signalProcess, type RunningProcess } from './processes.js';

/** How the main process of each part shows itself on its command line. */
const PROGRAMS = {
  'worker of ccat': /main\.js .*--site ccat/,
  'worker of cologne': /main\.js .*--site cologne/,
  temporal: /temporal.*\bstart-dev\b/,
  postgres: /\/postgres .*-D/,
  versitygw: /versitygw.*\bposix\b/,
};

export type PartName = keyof typeof PROGRAMS;
export const PARTS = Object.keys(PROGRAMS) as PartName[];

/** The main process of one worker or server of a data directory; undefined when it is down. */
export function partOf(dataDirectory: string, name: PartName): RunningProcess | undefined {
  return processesOf(dataDirectory).find(({ command }) => PROGRAMS[name].test(command.join(' ')));
}

/** Freezes a server, so that it neither answers nor refuses, for as long as the work takes. */
export async function whileFrozen(
  dataDirectory: string,
  name: PartName,
  work: () => Promise<void>,
): Promise<void> {
  const server = partOf(dataDirectory, name);
  assert.ok(server !== undefined, `${name} does not run`);
  signalProcess(server, 'SIGSTOP');
  try {
    await work();
  } finally {
    signalProcess(server, 'SIGCONT');
  }
}

/** Runs with servers that belong to the test and not to the command under test. */
export async function withServers(
  dataDirectory: string,
  run: (addresses: Addresses) => Promise<void>,
): Promise<void> {
  const supervisor = new Supervisor({ dataDirectory, report: () => undefined });
  const stack = await startStack({
    dataDirectory,
    environment: cleanEnvironment(),
    report: () => undefined,
    supervisor,
  });
  try {
    await run(stack.addresses);
  } finally {
    await stack.stop();
    await supervisor.stopAll();
  }
}
