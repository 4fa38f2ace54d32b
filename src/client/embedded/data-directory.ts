import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigurationError } from '../../core/exceptions.js';
import { printable } from '../../core/utilities/printable.js';
import { FileLock, tryLock, type Holder } from './file-lock.js';
import { isRunning } from './process-identity.js';
import { findStarter } from './starter.js';

/** How long a start waits for a holder that is on its way out, in milliseconds. */
const WAIT_FOR_STOPPING_MS = 30_000;
const POLL_MS = 200;

/** Where things lie in a data directory. */
export interface DataPaths {
  root: string;
  /** Lock, process list, credentials, addresses; readable for the owner alone. */
  run: string;
  /** Where the servers are, while they run. */
  addresses: string;
  logs: string;
  temporal: string;
  postgres: string;
  s3: string;
}

export interface DataDirectoryLock {
  readonly paths: DataPaths;
  /** Tells a second start to wait for our end instead of giving up. */
  markStopping(): Promise<void>;
  release(): Promise<void>;
}

export function dataPaths(directory: string): DataPaths {
  const root = resolve(directory);
  const below = (name: string) => join(root, name);
  return {
    root,
    run: below('run'),
    addresses: join(below('run'), 'addresses.json'),
    logs: below('logs'),
    temporal: below('temporal'),
    postgres: below('postgres'),
    s3: below('s3'),
  };
}

/**
 * Makes the data directory, where it does not exist, and takes it for this process.
 *
 * A holder that is shutting down, or whose starting npm has been killed so that it is about to, is waited for
 * for at most 30 seconds.
 *
 * @throws ConfigurationError that says which process holds the directory and since when
 */
export async function lockDataDirectory(
  directory: string,
  report: (line: string) => void = () => undefined,
): Promise<DataDirectoryLock> {
  const paths = dataPaths(directory);
  await mkdir(paths.run, { recursive: true, mode: 0o700 });
  const starter = findStarter();
  const giveUpAt = Date.now() + WAIT_FOR_STOPPING_MS;
  for (let told = false; ; told = true) {
    const outcome = await tryLock(join(paths.run, 'lock'), starter === undefined ? {} : { starter });
    if (outcome instanceof FileLock) {
      return { paths, markStopping: () => outcome.markStopping(), release: () => release(paths, outcome) };
    }
    if (!isLeaving(outcome) || Date.now() > giveUpAt) throw inUse(paths.root, outcome);
    if (!told) report(`waiting for process ${outcome.pid}, which is just leaving ${printable(paths.root)}`);
    await sleep(POLL_MS);
  }
}

async function release(paths: DataPaths, lock: FileLock): Promise<void> {
  // Who lets go of the directory has stopped its servers: other commands must not look for them any more.
  await rm(paths.addresses, { force: true });
  await lock.release();
}

function isLeaving(holder: Holder): boolean {
  return holder.state === 'stopping' || (holder.starter !== undefined && !isRunning(holder.starter));
}

function inUse(directory: string, holder: Holder): ConfigurationError {
  const who = `process ${holder.pid} (${printable(holder.command)}) since ${holder.since}`;
  return new ConfigurationError(`the data directory ${printable(directory)} is in use by ${who}`, {
    operation: 'start',
    subject: directory,
    advice: 'stop that process first, or give another directory with --data-dir',
    context: { pid: holder.pid, since: holder.since },
  });
}
