import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { DataPaths } from './data-directory.js';
import { readPrivateJson, writePrivateJsonNow } from './private-json.js';
import {
  identityOf,
  isRunning,
  processesWithVariable,
  sendSignal,
  type ProcessIdentity,
} from './process-identity.js';

/** Every process of ours carries its data directory in its environment: found even if nobody could write it down. */
const OWNER_VARIABLE = 'CCAT_DATA_TRANSFER_OWNER';
/** How long a leftover may take to end before it is killed, in milliseconds. */
const END_TIMEOUT_MS = 8_000;
const POLL_MS = 50;

const recordsSchema = z.record(
  z.string(),
  z.object({ pid: z.number().int().positive(), startTime: z.string() }),
);
type Records = z.infer<typeof recordsSchema>;

/** What this process has started, by data directory: kept in memory so that writing it down takes one step. */
const running = new Map<string, Records>();

const fileOf = (paths: DataPaths) => join(paths.run, 'processes.json');

export function ownerMark(paths: DataPaths): Record<string, string> {
  return { [OWNER_VARIABLE]: paths.root };
}

/** Writes a process down that was started just now. */
export function recordProcess(paths: DataPaths, name: string, pid: number): void {
  const identity = identityOf(pid);
  if (identity !== undefined) writeRecords(paths, { ...running.get(paths.root), [name]: identity });
}

export function forgetProcess(paths: DataPaths, name: string): void {
  const others = Object.entries(running.get(paths.root) ?? {}).filter(([other]) => other !== name);
  writeRecords(paths, Object.fromEntries(others));
}

/** The processes of a data directory that run now, by name. */
export async function recordedProcesses(paths: DataPaths): Promise<Records> {
  const parsed = recordsSchema.safeParse(await readPrivateJson(fileOf(paths)));
  const entries = Object.entries(parsed.data ?? {});
  return Object.fromEntries(entries.filter(([, identity]) => isRunning(identity)));
}

/**
 * Ends what an earlier start that was killed has left running. To be called with the data directory locked.
 *
 * @param report is told once when there is something to end
 */
export async function endLeftovers(paths: DataPaths, report: (line: string) => void): Promise<void> {
  const recorded = Object.values(await recordedProcesses(paths));
  const marked = processesWithVariable(OWNER_VARIABLE, paths.root).flatMap((pid) => identityOf(pid) ?? []);
  const leftovers = [...recorded, ...marked].filter((one) => one.pid !== process.pid);
  const unique = new Map(leftovers.map((one) => [one.pid, one]));
  if (unique.size === 0) return;
  report(`ending ${unique.size} process${unique.size === 1 ? '' : 'es'} that an earlier start left running`);
  await Promise.all([...unique.values()].map(endProcess));
}

/** Ends exactly this process: asks first, then kills. */
export async function endProcess(identity: ProcessIdentity): Promise<void> {
  // SIGINT is what all of them understand as "now, in order": PostgreSQL would wait for its clients at SIGTERM.
  if (isRunning(identity)) sendSignal(identity.pid, 'SIGINT');
  const killAt = Date.now() + END_TIMEOUT_MS;
  while (isRunning(identity)) {
    if (Date.now() > killAt) sendSignal(identity.pid, 'SIGKILL');
    await sleep(POLL_MS);
  }
}

function writeRecords(paths: DataPaths, records: Records): void {
  running.set(paths.root, records);
  writePrivateJsonNow(fileOf(paths), records);
}
