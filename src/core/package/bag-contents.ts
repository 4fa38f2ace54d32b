import { createHash, hash as digestAtOnce } from 'node:crypto';
import { decodePath } from '../utilities/path-text.js';
import { END_OF_ARCHIVE, padding, tarHeader } from '../utilities/tar-writer.js';
import {
  bagInfoText,
  DECLARATION,
  MANIFEST,
  manifestLine,
  PAYLOAD_FOLDER,
  payloadOxum,
  TAG_MANIFEST,
} from './bag.js';
import type { PackageMember, RefusedEntry, SourceEntry } from './package-result.js';
import type { EntryOutcome } from './packer.js';
import { wholeSeconds } from './source-member.js';

const DATA = Buffer.from(`${PAYLOAD_FOLDER}/`);

/** What is in a bag, as far as it was dealt with, and what is not. */
export class BagContents {
  readonly members: PackageMember[] = [];
  readonly refused: RefusedEntry[] = [];
  /** Regular files in it and their bytes. */
  fileCount = 0;
  payloadBytes = 0;
  readonly #manifest: Buffer[] = [];
  readonly #digest = createHash('sha256');
  #newest = 0n;

  /** Notes what came of the next entry. */
  note(entry: SourceEntry, outcome: EntryOutcome): void {
    if ('refused' in outcome) {
      this.refused.push({ path: entry.path, kind: outcome.refused, reason: outcome.reason });
      return;
    }
    const { path, kind, size, mtimeNs } = entry;
    const { ctimeNs, sha256 } = outcome;
    this.members.push({ path, kind, size, mtimeNs, ctimeNs, ...(sha256 !== undefined && { sha256 }) });
    const time = BigInt(mtimeNs);
    if (time > this.#newest) this.#newest = time;
    if (sha256 === undefined) return;
    const line = manifestLine(sha256, Buffer.concat([DATA, decodePath(path)]));
    this.#manifest.push(line);
    this.#digest.update(line);
    this.fileCount += 1;
    this.payloadBytes += size;
  }

  /** What comes behind the payload in the tar of a bag of this name: its tags, and the tar's end. */
  *rest(name: string, bagInfo: Record<string, string>): Generator<Buffer> {
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
