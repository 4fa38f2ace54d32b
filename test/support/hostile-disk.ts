import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Runs with a regular file at this path that cannot be opened for reading, whoever asks.
 *
 * An ordinary user is stopped by a file's mode. Root is not, but by a kernel object that can only be written to.
 */
export async function withUnreadableFile(path: string, run: () => Promise<void>): Promise<void> {
  writeFileSync(path, 'nobody reads this');
  if (process.getuid?.() !== 0) {
    chmodSync(path, 0);
    return run();
  }
  return mounted(['--bind', '/sys/bus/cpu/drivers_probe', path], path, run);
}

/** Runs with a small disk of its own mounted at this directory; needs root, as mounting does. */
export async function withSmallDisk(
  directory: string,
  bytes: number,
  run: (grow: (bytes: number) => void) => Promise<void>,
) {
  assert.equal(process.getuid?.(), 0, 'this test mounts a small disk: run it as root');
  mkdirSync(directory, { recursive: true });
  const grow = (to: number) => void execFileSync('mount', ['-o', `remount,size=${to}`, directory]);
  await mounted(['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', directory], directory, () => run(grow));
}

/** Runs with a disk at this directory that can be unmounted and mounted again with all that is on it; needs root. */
export async function withDetachableDisk(
  directory: string,
  run: (disk: { detach: () => void; attach: () => void }) => Promise<void>,
): Promise<void> {
  const device = `${directory}.device`;
  mkdirSync(directory, { recursive: true });
  await withSmallDisk(device, 64 * 1024 * 1024, async () => {
    const attach = () => void execFileSync('mount', ['--bind', device, directory]);
    const detach = () => void execFileSync('umount', [directory]);
    attach();
    try {
      await run({ attach, detach });
    } finally {
      // A failed test may have left it detached.
      spawnSync('umount', ['--lazy', directory]);
    }
  });
}

async function mounted(words: string[], at: string, run: () => Promise<void>): Promise<void> {
  execFileSync('mount', words);
  try {
    await run();
  } finally {
    // Lazily: what a failed test has left running may still have files open there.
    execFileSync('umount', ['--lazy', at]);
  }
}

/** Writes a file until the disk takes no more, or only so many bytes more. */
export function fillDisk(path: string, room = 0): void {
  const file = openSync(path, 'w');
  try {
    const block = Buffer.alloc(64 * 1024);
    const left = () => {
      const { bavail, bsize } = statfsSync(dirname(path));
      return bavail * bsize;
    };
    while (left() > room) writeSync(file, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(file);
  }
}
