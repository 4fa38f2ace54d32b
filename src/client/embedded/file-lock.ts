import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { isRunning, ownIdentity, type ProcessIdentity } from './process-identity.js';

/** Who holds a lock, as told to others. */
export interface Holder extends ProcessIdentity {
  command: string;
  /** ISO time at which it took the lock. */
  since: string;
  /** The process that started the holder and without which it ends, such as npm. */
  starter?: ProcessIdentity;
  /** `stopping` once the holder is on its way out; `released` when it has gone. */
  state: 'running' | 'stopping' | 'released';
}

/** A lock that is ours until we release it or end, however we end. */
export class FileLock {
  readonly #file: string;
  #holder: Holder;

  constructor(file: string, holder: Holder) {
    this.#file = file;
    this.#holder = holder;
  }

  /** Tells others that we are about to end, so that they wait instead of giving up. */
  async markStopping(): Promise<void> {
    await this.#become('stopping');
  }

  async release(): Promise<void> {
    await this.#become('released');
  }

  async #become(state: Holder['state']): Promise<void> {
    this.#holder = { ...this.#holder, state };
    await rename(await writeBeside(this.#file, this.#holder), this.#file);
  }
}

/**
 * Tries once to take the lock named by `path`.
 *
 * The lock is a row of numbered files, `path.1`, `path.2` ...: the highest one counts. It is never deleted, and a new holder
 * comes only by creating the next number, which one process alone can do. So nobody can remove a lock that another has
 * just taken over from a dead holder.
 *
 * @returns the lock, or the living process that holds it
 */
export async function tryLock(
  path: string,
  options: { starter?: ProcessIdentity } = {},
): Promise<FileLock | Holder> {
  await mkdir(dirname(path), { recursive: true });
  const command = process.argv.slice(1).join(' ');
  const own: Holder = {
    ...ownIdentity(),
    command,
    since: new Date().toISOString(),
    ...options,
    state: 'running',
  };
  const draft = await writeBeside(path, own);
  try {
    for (;;) {
      const newest = Math.max(0, ...(await generations(path)));
      const holder = newest === 0 ? undefined : await readHolder(`${path}.${newest}`);
      if (holder === 'gone') continue;
      if (holder !== undefined && holder.state !== 'released' && isRunning(holder)) return holder;
      const file = `${path}.${newest + 1}`;
      if (!(await linkNew(draft, file))) continue;
      // Somebody may have gone further while we looked: a lower number than another's is no lock.
      const all = await generations(path);
      if (Math.max(...all) === newest + 1) {
        await Promise.all(all.filter((n) => n <= newest).map((n) => rm(`${path}.${n}`, { force: true })));
        return new FileLock(file, own);
      }
      await rm(file, { force: true });
    }
  } finally {
    await rm(draft, { force: true });
  }
}

async function generations(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path));
  return names
    .filter((name) => name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
}

/** The holder that a lock file names; undefined when a crash of the machine left it unreadable. */
async function readHolder(file: string): Promise<Holder | 'gone' | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Holder;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function writeBeside(path: string, content: Holder): Promise<string> {
  const draft = join(dirname(path), `.${basename(path)}-${randomUUID()}`);
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  return draft;
}
