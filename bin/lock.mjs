import { linkSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 200;

/**
 * Waits until this process alone holds the lock named by `path`, and gives the function that frees it.
 *
 * The lock is the highest of the numbered files `path.1`, `path.2` ...; who finds it free or its holder dead creates the next
 * one, which only one process can. (The servers' lock in src/client/embedded/file-lock.ts works alike; nothing is built yet
 * when this one is needed.)
 */
export async function takeLock(path, onWait) {
  const draft = `${path}-${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) }));
  try {
    for (let told = false; ;) {
      const newest = Math.max(0, ...generations(path));
      const holder = newest === 0 ? undefined : readHolder(`${path}.${newest}`);
      if (holder !== undefined && startTimeOf(holder.pid) === holder.startTime) {
        if (!told) onWait(holder.pid);
        told = true;
        await sleep(POLL_MS);
      } else if (createNext(draft, path, newest + 1)) {
        return () => writeFileSync(`${path}.${newest + 1}`, '');
      }
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function createNext(draft, path, number) {
  try {
    linkSync(draft, `${path}.${number}`);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  // Somebody may have gone further meanwhile: a lower number than another's is no lock.
  const all = generations(path);
  const isNewest = Math.max(...all) === number;
  for (const other of isNewest ? all.filter((one) => one < number) : [number])
    rmSync(`${path}.${other}`, { force: true });
  return isNewest;
}

function generations(path) {
  const prefix = `${basename(path)}.`;
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(prefix));
  return names.map((name) => Number(name.slice(prefix.length))).filter((number) => number > 0);
}

/** Undefined for a file that its holder has emptied or that has just been replaced. */
function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT' || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** When a process started; undefined when it does not run. Where there is no /proc, that it runs must do. */
function startTimeOf(pid) {
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0) ? 'running' : undefined;
    const stat = readFileSync(join('/proc', String(pid), 'stat'), 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(error.code)) return undefined;
    throw error;
  }
}
