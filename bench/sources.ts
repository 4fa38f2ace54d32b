import { randomFillSync } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Files of one size, in folders of at most a thousand unless said. */
export interface SourceShape {
  files: number;
  fileBytes: number;
  /** Of each folder but the last. */
  filesOfFolder?: number;
}

const FILES_OF_FOLDER = 1000;
const PIECE = 4 * 1024 * 1024;

/** Makes a source of random content in a new folder, and flushes it. */
export function makeSource(
  folder: string,
  { files, fileBytes, filesOfFolder = FILES_OF_FOLDER }: SourceShape,
): void {
  const piece = Buffer.allocUnsafe(Math.min(PIECE, fileBytes));
  for (let file = 0; file < files; file++) {
    const inner = join(folder, `night-${Math.floor(file / filesOfFolder)}`);
    if (file % filesOfFolder === 0) mkdirSync(inner, { recursive: true });
    const handle = openSync(join(inner, `frame-${String(file).padStart(6, '0')}.dat`), 'wx');
    for (let done = 0; done < fileBytes;)
      done += writeSync(handle, randomFillSync(piece), 0, Math.min(piece.length, fileBytes - done));
    if (fileBytes > PIECE || file === files - 1) fsyncSync(handle);
    closeSync(handle);
  }
}

/** The regular files below a folder, sorted. */
export function filesOf(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
