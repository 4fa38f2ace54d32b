import { createHash, hash as digestAtOnce } from 'node:crypto';
import { bytesOfText } from '../utilities/path-text.js';
import { END_OF_ARCHIVE, padding, tarHeader } from '../utilities/tar-writer.js';
import {
  bagInfoText,
  DECLARATION,
  MANIFEST,
  manifestLine,
  manifestText,
  PAYLOAD_FOLDER,
  payloadOxum,
  TAG_MANIFEST,
} from './bag.js';
import type { PackageMember, RefusedEntry, SourceEntry } from './package-result.js';
import type { EntryOutcome } from './packer.js';
import { wholeSeconds } from './source-member.js';

/** Characters of the manifest that are gathered before they become bytes. */
const GATHERED = 64 * 1024;

/** What is in a bag, as far as it was dealt with, and what is not. */
export class BagContents {
  readonly members: PackageMember[] = [];
  readonly refused: RefusedEntry[] = [];
  /** Regular files in it and their bytes. */
  fileCount = 0;
  payloadBytes = 0;
  readonly #manifest: Buffer[] = [];
  readonly #digest = createHash('sha256');
  /** Lines that are not yet in it, their bytes as Latin-1. */
  #lines = '';
  #newest = 0n;

  /** Notes what came of the next entry. */
  note(entry: SourceEntry, outcome: EntryOutcome): void {
    if ('refused' in outcome) {
      this.refused.push({ path: entry.path, kind: outcome.refused, reason: outcome.reason });
      return;
    }
    const { path, kind, size, mtimeNs } = entry;
    const { ctimeNs, sha256 } = outcome;
    const time = BigInt(mtimeNs);
    if (time > this.#newest) this.#newest = time;
    if (sha256 === undefined) {
      this.members.push({ path, kind, size, mtimeNs, ctimeNs });
      return;
    }
    this.members.push({ path, kind, size, mtimeNs, ctimeNs, sha256 });
    this.#lines += manifestText(sha256, `${PAYLOAD_FOLDER}/${bytesOfText(path)}`);
    if (this.#lines.length >= GATHERED) this.#keepLines();
    this.fileCount += 1;
    this.payloadBytes += size;
  }

  #keepLines(): void {
    const bytes = Buffer.from(this.#lines, 'latin1');
    this.#lines = '';
    this.#manifest.push(bytes);
    this.#digest.update(bytes);
  }

  /** What comes behind the payload in the tar of a bag of this name: its tags, and the tar's end. */
  *rest(name: string, bagInfo: Record<string, string>): Generator<Buffer> {
    this.#keepLines();
    const folder = Buffer.from(name).toString('latin1');
    const mtime = wholeSeconds(this.#newest);
    // A bag without a payload folder is none.
    if (this.members.length === 0)
      yield tarHeader({
        path: `${folder}/${PAYLOAD_FOLDER}`,
        kind: 'directory',
        size: 0,
        mode: 0o755,
        mtime,
      });
    const info = { ...bagInfo, 'Payload-Oxum': payloadOxum(this.payloadBytes, this.fileCount) };
    const tags = [
      tag('bagit.txt', DECLARATION),
      tag('bag-info.txt', bagInfoText(info)),
      { name: MANIFEST, content: this.#manifest, sha256: this.#digest.digest('hex') },
    ];
    const lines = tags.map((one) => manifestLine(one.sha256, Buffer.from(one.name)));
    for (const { name: file, content } of [...tags, { name: TAG_MANIFEST, content: lines }]) {
      const size = content.reduce((sum, piece) => sum + piece.length, 0);
      yield tarHeader({ path: `${folder}/${file}`, kind: 'file', size, mode: 0o644, mtime });
      yield* content;
      yield padding(size);
    }
    yield END_OF_ARCHIVE;
  }
}

function tag(name: string, text: string): { name: string; content: Buffer[]; sha256: string } {
  return { name, content: [Buffer.from(text)], sha256: digestAtOnce('sha256', text) };
}
