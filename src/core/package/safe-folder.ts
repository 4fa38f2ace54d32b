import { lstat, mkdir } from 'node:fs/promises';
import { PermanentError } from '../exceptions.js';
import { classifyDiskError } from '../utilities/disk.js';
import { encodePath } from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';
import { errorCode, joinBytes } from './source-root.js';

const SLASH = 0x2f;

/**
 * A folder that is filled with entries whose names come from outside. Nothing is ever written through a symbolic link: each
 * folder on the way to an entry must be a real one.
 */
export class SafeFolder {
  readonly root: Buffer;
  /** Folders that were seen to be real, as Latin-1, the root as ''. */
  readonly #real = new Set<string>(['']);

  constructor(root: string) {
    this.root = Buffer.from(root);
  }

  /** Every folder that an entry was put into. */
  get folders(): Buffer[] {
    return [...this.#real].map((path) =>
      path === '' ? this.root : joinBytes(this.root, Buffer.from(path, 'latin1')),
    );
  }

  /**
   * Where an entry of this relative path belongs; the folders on the way are made.
   *
   * @throws PermanentError for a path that leads out of the folder, or through something that is no folder
   */
  async place(path: Buffer): Promise<Buffer> {
    checkRelative(path);
    const end = path.lastIndexOf(SLASH);
    if (end > 0) await this.#ensure(path.subarray(0, end));
    return joinBytes(this.root, path);
  }

  /** Makes a folder of this relative path. Errors as of {@link place}. */
  async makeFolder(path: Buffer): Promise<Buffer> {
    checkRelative(path);
    await this.#ensure(path);
    return joinBytes(this.root, path);
  }

  async #ensure(path: Buffer): Promise<void> {
    const key = path.toString('latin1');
    if (this.#real.has(key)) return;
    const end = path.lastIndexOf(SLASH);
    if (end > 0) await this.#ensure(path.subarray(0, end));
    const folder = joinBytes(this.root, path);
    try {
      await mkdir(folder, 0o755).catch(async (error: unknown) => {
        if (errorCode(error) !== 'EEXIST') throw error;
        if (!(await lstat(folder)).isDirectory())
          throw new PermanentError(`${shown(path)} is no folder, so nothing is written below it`, {
            subject: shown(path),
            advice: 'Somebody put something else in its place: move it away, then retry.',
          });
      });
    } catch (error) {
      throw classifyDiskError(error, { operation: 'staging', subject: shown(path) });
    }
    this.#real.add(key);
  }
}

/** @throws PermanentError for a path that is absolute, empty, has `.` or `..` in it or a NUL */
export function checkRelative(path: Buffer): void {
  const parts = path.toString('latin1').split('/');
  if (path.includes(0) || parts.some((part) => part === '' || part === '.' || part === '..'))
    throw new PermanentError(`"${shown(path)}" is no path below a folder`, { subject: shown(path) });
}

function shown(path: Buffer): string {
  return printable(encodePath(path));
}
