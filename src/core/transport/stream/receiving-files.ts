import { resolve } from 'node:path';
import { ReceivingFile } from './receiving-file.js';
import { isThere, partPath, type Target } from './target.js';

interface Entry {
  opening: Promise<ReceivingFile | undefined>;
  users: number;
}

/** What this process receives now, by the path of the partial file: whoever opens the same shares it. */
const entries = new Map<string, Entry>();

/** A file that is in use until it is released. */
export interface Opened {
  /** Undefined where the target is there already. */
  file: ReceivingFile | undefined;
  release(): Promise<void>;
  /** From now on nobody else gets it: it is done with, or spoilt. */
  forget(): void;
}

/**
 * Opens a file to receive; what is there already is read and compared once for all who ask at the same time.
 *
 * @param onProgress told the bytes that were compared so far, if this call does it
 */
export async function openReceiving(target: Target, onProgress?: (bytes: number) => void): Promise<Opened> {
  const key = resolve(partPath(target));
  const entry = entries.get(key) ?? { opening: begin(target, onProgress), users: 0 };
  entries.set(key, entry);
  entry.users++;
  const forget = () => {
    if (entries.get(key) === entry) entries.delete(key);
  };
  const release = async () => {
    entry.users--;
    if (entry.users > 0) return;
    forget();
    const file = await entry.opening.catch(() => undefined);
    await file?.close();
  };
  try {
    const file = await entry.opening;
    return { file, release, forget };
  } catch (error) {
    await release();
    throw error;
  }
}

async function begin(
  target: Target,
  onProgress?: (bytes: number) => void,
): Promise<ReceivingFile | undefined> {
  return (await isThere(target, onProgress)) ? undefined : ReceivingFile.open(target);
}
