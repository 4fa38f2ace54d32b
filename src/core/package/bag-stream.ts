import { createHash, hash as digestAtOnce, type Hash } from 'node:crypto';
import { closeSync, readSync, type BigIntStats } from 'node:fs';
import { END_OF_ARCHIVE, padding, tarHeader } from '../utilities/tar-writer.js';
import { asBuffer, takeThread, type Lease } from '../utilities/threads.js';
import {
  bagInfoText,
  DECLARATION,
  MANIFEST,
  manifestLine,
  PAYLOAD_FOLDER,
  payloadOxum,
  TAG_MANIFEST,
} from './bag.js';
import type { RefusedEntry, SourceEntry } from './package-result.js';
import {
  changedSince,
  memberPath,
  openMember,
  readFolder,
  readLink,
  Refusal,
  refusalFor,
  type OpenMember,
} from './source-member.js';
import { joinBytes, type SourceRoot } from './source-root.js';

/** What a bag is made of. */
export interface BagPlan {
  root: SourceRoot;
  /** The bag's folder: a plain file name. */
  name: string;
  /** Lines for `bag-info.txt`; `Payload-Oxum` is added. */
  bagInfo: Record<string, string>;
}

/** What came of an entry: facts of a member, or why it is left out. */
export type EntryOutcome =
  | { ctimeNs: string; /** Hex; files only. */ sha256?: string }
  | { refused: RefusedEntry['kind']; reason: string };

/** What a block was filled with. */
export interface Filled {
  /** Where in the tar its first byte belongs: where the last block ended, or further up where a file was taken out again. */
  from: number;
  /** Bytes of it; less than its size only at the tar's end. */
  length: number;
  /** Where in it a file begins that goes on in the next block, and may yet be taken out. */
  mark?: number;
  /** Payload bytes dealt with so far, of those of all the entries. */
  payloadDone: number;
  /** What came of further entries, in their order. */
  outcomes: EntryOutcome[];
  /** Regular files in it so far, and their bytes. */
  files: number;
  payloadBytes: number;
}

/** A file that is on its way into the tar. */
interface MemberInWork {
  entry: SourceEntry;
  member: OpenMember;
  /** Where its header begins in the tar. */
  start: number;
  done: number;
  /** Of a file that does not come in one piece. */
  hash: Hash | undefined;
}

/**
 * A bag in a tar, made block by block: the content of each file is read to where it belongs in the tar, and digested there.
 * A file that turns out not to be the one that was begun is taken out again, also where a part of it is in earlier blocks.
 * It waits for the disk, see `source-member.ts`. Throws the errors that concern more than one entry.
 */
export class BagStream {
  readonly #plan: BagPlan;
  readonly #folder: Buffer;
  readonly #entries: SourceEntry[] = [];
  readonly #manifest: Buffer[] = [];
  #next = 0;
  /** Bytes that go into the tar before all else. */
  #pending: Buffer[] = [];
  #current: MemberInWork | undefined;
  /** Where in the tar the block begins that is being filled. */
  #from = 0;
  #block: Buffer = Buffer.alloc(0);
  /** Bytes in the block. */
  #at = 0;
  #outcomes: EntryOutcome[] = [];
  #entryBytesDone = 0;
  #members = 0;
  #files = 0;
  #payloadBytes = 0;
  #newest = 0n;
  #state: 'payload' | 'ended' = 'payload';

  constructor(plan: BagPlan) {
    this.#plan = { ...plan, root: { ...plan.root, path: asBuffer(plan.root.path) } };
    this.#folder = Buffer.from(plan.name);
  }

  /** Adds entries; all of them before the first block. */
  add(entries: SourceEntry[]): void {
    for (const entry of entries) this.#entries.push(entry);
  }

  /** Fills a block with what comes next in the tar. Nothing is left where it stays empty. */
  fill(block: Uint8Array): Filled {
    this.#block = asBuffer(block);
    this.#at = 0;
    while (this.#at < this.#block.length && this.#step());
    const current = this.#current;
    const filled = {
      from: this.#from,
      length: this.#at,
      ...(current !== undefined && current.start >= this.#from && { mark: current.start - this.#from }),
      payloadDone: this.#entryBytesDone + (current?.done ?? 0),
      outcomes: this.#outcomes,
      files: this.#files,
      payloadBytes: this.#payloadBytes,
    };
    this.#outcomes = [];
    this.#from += this.#at;
    return filled;
  }

  /** Lets go of what is open; to be called however the work ends. */
  close(): void {
    this.#closeCurrent();
  }

  /** Does the next thing; false where there is none. */
  #step(): boolean {
    const first = this.#pending.shift();
    if (first !== undefined) {
      const copied = first.copy(this.#block, this.#at);
      this.#at += copied;
      if (copied < first.length) this.#pending.unshift(first.subarray(copied));
      return true;
    }
    if (this.#current !== undefined) {
      this.#read(this.#current);
      return true;
    }
    const entry = this.#entries[this.#next];
    if (entry !== undefined) {
      this.#next += 1;
      this.#begin(entry);
      return true;
    }
    if (this.#state === 'ended') return false;
    this.#state = 'ended';
    this.#endBag();
    return true;
  }

  get #position(): number {
    return this.#from + this.#at;
  }

  #begin(entry: SourceEntry): void {
    if (entry.kind !== 'file') {
      this.#addBare(entry);
      return;
    }
    const member = openMember(this.#plan.root, entry);
    if (member instanceof Refusal) {
      this.#refuse(entry, member);
      return;
    }
    this.#current = { entry, member, start: this.#position, done: 0, hash: undefined };
    this.#pending.push(this.#header(entry, member.stats));
  }

  /** Adds what has no content: a link, an empty folder. */
  #addBare(entry: SourceEntry): void {
    const { root } = this.#plan;
    const found: { stats: BigIntStats; target?: Buffer } | Refusal =
      entry.kind === 'symlink' ? readLink(root, entry) : readFolder(root, entry);
    if (found instanceof Refusal) {
      this.#refuse(entry, found);
      return;
    }
    this.#pending.push(this.#header(entry, found.stats, found.target));
    this.#take(entry, found.stats);
  }

  /** Reads on in the current file, as much as the block has room for, and ends it where it is complete. */
  #read(current: MemberInWork): void {
    const sha256 = this.#readPiece(current);
    if (sha256 === undefined) return;
    const { entry, member } = current;
    const refusal = sha256 instanceof Refusal ? sha256 : changedSince(member, entry);
    this.#closeCurrent();
    if (refusal !== undefined) {
      // What is in earlier blocks can't be undone here: this one begins where the file did.
      this.#at = Math.max(0, current.start - this.#from);
      this.#from = Math.min(this.#from, current.start);
      this.#refuse(entry, refusal);
      return;
    }
    this.#pending.push(padding(entry.size));
    this.#take(entry, member.stats, sha256 as string);
  }

  /** Reads and digests the next piece; answers with the SHA-256 (hex) behind the last one. */
  #readPiece(current: MemberInWork): string | Refusal | undefined {
    const { entry, member } = current;
    const left = entry.size - current.done;
    const piece = this.#block.subarray(this.#at, Math.min(this.#at + left, this.#block.length));
    try {
      if (readFully(member.file, piece, current.done) < piece.length)
        return new Refusal('changed', 'It became shorter while it was read.');
    } catch (error) {
      return refusalFor(error, entry);
    }
    this.#at += piece.length;
    current.done += piece.length;
    if (current.done === entry.size && current.hash === undefined) return digestAtOnce('sha256', piece);
    current.hash ??= createHash('sha256');
    current.hash.update(piece);
    return current.done === entry.size ? current.hash.digest('hex') : undefined;
  }

  #closeCurrent(): void {
    if (this.#current !== undefined) closeSync(this.#current.member.file);
    this.#current = undefined;
  }

  #header(entry: SourceEntry, stats: BigIntStats, linkTarget?: Buffer): Buffer {
    return tarHeader({
      path: joinBytes(this.#folder, payloadPath(entry)),
      kind: entry.kind,
      size: entry.size,
      mode: Number(stats.mode),
      mtime: seconds(stats),
      ...(linkTarget && { linkTarget }),
    });
  }

  #take(entry: SourceEntry, stats: BigIntStats, sha256?: string): void {
    const ctimeNs = stats.ctimeNs.toString();
    if (seconds(stats) > this.#newest) this.#newest = seconds(stats);
    this.#members += 1;
    this.#entryBytesDone += entry.size;
    this.#outcomes.push(sha256 === undefined ? { ctimeNs } : { ctimeNs, sha256 });
    if (sha256 === undefined) return;
    this.#manifest.push(manifestLine(sha256, payloadPath(entry)));
    this.#files += 1;
    this.#payloadBytes += entry.size;
  }

  #refuse(entry: SourceEntry, { kind, reason }: Refusal): void {
    this.#entryBytesDone += entry.size;
    this.#outcomes.push({ refused: kind, reason });
  }

  /** The tags of the bag and the end of the tar. */
  #endBag(): void {
    if (this.#members === 0) {
      // A bag without a payload folder is none.
      const path = joinBytes(this.#folder, Buffer.from(PAYLOAD_FOLDER));
      this.#pending.push(tarHeader({ path, kind: 'directory', size: 0, mode: 0o755, mtime: 0n }));
    }
    const info = { ...this.#plan.bagInfo, 'Payload-Oxum': payloadOxum(this.#payloadBytes, this.#files) };
    const tags = [
      { name: 'bagit.txt', content: Buffer.from(DECLARATION) },
      { name: 'bag-info.txt', content: Buffer.from(bagInfoText(info)) },
      { name: MANIFEST, content: Buffer.concat(this.#manifest) },
    ];
    const lines = tags.map(({ name, content }) =>
      manifestLine(digestAtOnce('sha256', content), Buffer.from(name)),
    );
    for (const { name, content } of [...tags, { name: TAG_MANIFEST, content: Buffer.concat(lines) }]) {
      const path = joinBytes(this.#folder, Buffer.from(name));
      const header = tarHeader({
        path,
        kind: 'file',
        size: content.length,
        mode: 0o644,
        mtime: this.#newest,
      });
      this.#pending.push(header, content, padding(content.length));
    }
    this.#pending.push(END_OF_ARCHIVE);
  }
}

export function open(plan: BagPlan): BagStream {
  return new BagStream(plan);
}

/** A bag that is made in a thread of its own. */
export function takeBagStream(plan: BagPlan): Promise<Lease<BagStream>> {
  return takeThread<BagStream>(new URL(import.meta.url), plan);
}

function payloadPath(entry: SourceEntry): Buffer {
  return joinBytes(Buffer.from(PAYLOAD_FOLDER), memberPath(entry));
}

/** Fills the bytes from a place in the file; fewer only at the file's end. Answers with how many. */
function readFully(file: number, bytes: Buffer, position: number): number {
  let done = 0;
  while (done < bytes.length) {
    const length = readSync(file, bytes, done, bytes.length - done, position + done);
    if (length === 0) break;
    done += length;
  }
  return done;
}

/** Whole seconds, rounded down also before 1970. */
function seconds({ mtimeNs }: BigIntStats): bigint {
  return (mtimeNs < 0n ? mtimeNs - 999_999_999n : mtimeNs) / 1_000_000_000n;
}
