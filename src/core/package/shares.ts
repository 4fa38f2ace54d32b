import { BLOCK } from '../utilities/tar-writer.js';
import { memberBytes } from './package-space.js';
import type { ExpectedEntry } from './source-member.js';

/** The most bytes that the target of a link takes in a header. */
const LINK_TARGET = 10 * BLOCK;

/** The most bytes that an entry can take in a tar, whatever a link says. */
export function roomFor(name: string, entry: ExpectedEntry): number {
  return memberBytes(name, entry) + (entry.kind === 'symlink' ? LINK_TARGET : 0);
}

/**
 * Shares entries out on the blocks of a tar: as many as have room in one. An entry that has none as a whole goes alone, followed by an
 * empty share for each further block that it takes, rather one too many.
 */
export function* shareOut(
  name: string,
  entries: readonly ExpectedEntry[],
  blockBytes: number,
): Generator<ExpectedEntry[]> {
  let share: ExpectedEntry[] = [];
  let room = blockBytes;
  for (const { path, kind, size, mtimeNs } of entries) {
    const entry = { path, kind, size, mtimeNs };
    const bytes = roomFor(name, entry);
    if (bytes > room && share.length > 0) {
      yield share;
      share = [];
      room = blockBytes;
    }
    share.push(entry);
    room -= bytes;
    if (room >= 0) continue;
    yield share;
    for (; room < 0; room += blockBytes) yield [];
    share = [];
    room = blockBytes;
  }
  if (share.length > 0) yield share;
}
