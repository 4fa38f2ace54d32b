import { createHash, hash as digestAtOnce, type Hash } from 'node:crypto';
import { closeSync, readSync, type BigIntStats } from 'node:fs';
import { bytesOfText, type PathBytes } from '../utilities/path-text.js';
import { padding, tarHeader } from '../utilities/tar-writer.js';
import { asBuffer, takeThreads, type Lease } from '../utilities/threads.js';
import { PAYLOAD_FOLDER } from './bag.js';
import type { RefusedEntry } from './package-result.js';
import {
  changedSince,
  readFolder,
  readLink,
  Refusal,
  refusalFor,
  SourceFiles,
  wholeSeconds,
  type ExpectedEntry,
  type OpenMember,
} from './source-member.js';
import type { SourceRoot } from './source-root.js';

/** Where entries come from, and whose payload they become. */
export interface PackingPlan {
  root: SourceRoot;
  /** The bag's folder: a plain file name. */
  name: string;
}

/** What came of an entry: facts of a member, or why it is left out. */
export type EntryOutcome =
  | { ctimeNs: string; /** Hex; files only. */ sha256?: string }
  | { refused: RefusedEntry['kind']; reason: string };

/** What a block was filled with. */
export interface Filled {
  /** Bytes of it. */
  length: number;
  /** What came of further entries, in their order. */
  outcomes: EntryOutcome[];
  /** Bytes read of a file that is not at its end. */
  begun: number;
  /** `begins`: the block is the first one of a file that may yet be taken out again. `undone`: that file is taken out, nothing is in the block. */
  turn?: 'begins' | 'undone';
}

/** A file that is on its way into the tar. */
interface MemberInWork {
  entry: ExpectedEntry;
  member: OpenMember;
  /** Where its header begins in the block; undefined where that was an earlier block. */
  start: number | undefined;
  done: number;
  /** Of a file that does not come in one piece. */
  hash: Hash | undefined;
}

/**
 * Puts entries of a source into a tar, block by block: the content of each file is read to where it belongs in the block, and digested there.
 * A file that turns out not to be the one that was begun is taken out again. Which entries go into which block, see `shares.ts`.
 * It waits for the disk, see `source-member.ts`. Throws the errors that concern more than one entry.
 */
export class Packer {
  readonly #root: PathBytes;
  readonly #files: SourceFiles;
  readonly #payload: PathBytes;
  #entries: ExpectedEntry[] = [];
  #next = 0;
  /** Bytes that go into the tar before all else. */
  #pending: Buffer[] = [];
  #current: MemberInWork | undefined;
  #block: Buffer = Buffer.alloc(0);
  /** Bytes in the block. */
  #at = 0;
  #outcomes: EntryOutcome[] = [];
  #turn: Filled['turn'];

  constructor({ root, name }: PackingPlan) {
    this.#root = asBuffer(root.path).toString('latin1');
    this.#files = new SourceFiles(this.#root);
    this.#payload = Buffer.from(`${name}/${PAYLOAD_FOLDER}/`).toString('latin1');
  }

  /**
   * Fills a block with these entries; without any, with what is still to come of the one before. A single one may have no room as a whole,
   * several must.
   */
  fill(block: Uint8Array, entries: ExpectedEntry[]): Filled {
    if (entries.length > 0) {
      if (!this.#isDone) throw new Error('more is to come of the entry before');
      this.#entries = entries;
      this.#next = 0;
    }
    this.#block = asBuffer(block);
    this.#at = 0;
    this.#outcomes = [];
    this.#turn = undefined;
    if (this.#current !== undefined) this.#current.start = undefined;
    while (this.#flush() && this.#step());
    this.#files.leave();
    if (entries.length > 1 && !this.#isDone) throw new Error('these entries have no room in one block');
    if (this.#current?.start !== undefined) this.#turn = 'begins';
    const begun = this.#current?.done ?? 0;
    return { length: this.#at, outcomes: this.#outcomes, begun, turn: this.#turn };
  }

  /** Lets go of what is open; to be called however the work ends. */
  close(): void {
    this.#files.leave();
    this.#closeCurrent();
  }

  #closeCurrent(): void {
    if (this.#current !== undefined) closeSync(this.#current.member.file);
    this.#current = undefined;
  }

  get #isDone(): boolean {
    return this.#pending.length === 0 && this.#current === undefined && this.#next === this.#entries.length;
  }

  /** Puts what goes first into the block; false where it had no room. */
  #flush(): boolean {
    for (let first = this.#pending.shift(); first !== undefined; first = this.#pending.shift()) {
      const copied = first.copy(this.#block, this.#at);
      this.#at += copied;
      if (copied < first.length) {
        this.#pending.unshift(first.subarray(copied));
        return false;
      }
    }
    return true;
  }

  /** Does the next thing; false where there is none, or no room for more of it. */
  #step(): boolean {
    if (this.#current !== undefined) return this.#read(this.#current);
    const entry = this.#entries[this.#next];
    if (entry === undefined) return false;
    this.#next += 1;
    if (entry.kind === 'file') this.#begin(entry);
    else this.#addBare(entry);
    return true;
  }

  #begin(entry: ExpectedEntry): void {
    const member = this.#files.open(entry);
    if (member instanceof Refusal) {
      this.#refuse(member);
      return;
    }
    this.#current = { entry, member, start: this.#at, done: 0, hash: undefined };
    this.#pending.push(this.#header(entry, member.stats));
  }

  /** Adds what has no content: a link, an empty folder. */
  #addBare(entry: ExpectedEntry): void {
    const found: { stats: BigIntStats; target?: PathBytes } | Refusal =
      entry.kind === 'symlink' ? readLink(this.#root, entry) : readFolder(this.#root, entry);
    if (found instanceof Refusal) {
      this.#refuse(found);
      return;
    }
    this.#pending.push(this.#header(entry, found.stats, found.target));
    this.#outcomes.push({ ctimeNs: found.stats.ctimeNs.toString() });
  }

  /** Reads on in the current file, as much as the block has room for, and ends it where it is complete; false where it is not. */
  #read(current: MemberInWork): boolean {
    const sha256 = this.#readPiece(current);
    if (sha256 === undefined) return false;
    const refused = sha256 instanceof Refusal ? sha256 : changedSince(current.member, current.entry);
    this.#closeCurrent();
    if (refused !== undefined) {
      if (current.start === undefined) this.#turn = 'undone';
      this.#at = current.start ?? 0;
      this.#refuse(refused);
      return true;
    }
    this.#pending.push(padding(current.entry.size));
    this.#outcomes.push({ ctimeNs: current.member.stats.ctimeNs.toString(), sha256: sha256 as string });
    return true;
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

  #header(entry: ExpectedEntry, stats: BigIntStats, linkTarget?: PathBytes): Buffer {
    return tarHeader({
      path: this.#payload + bytesOfText(entry.path),
      kind: entry.kind,
      size: entry.size,
      mode: Number(stats.mode),
      mtime: wholeSeconds(stats.mtimeNs),
      linkTarget,
    });
  }

  #refuse({ kind, reason }: Refusal): void {
    this.#outcomes.push({ refused: kind, reason });
  }
}

export function open(plan: PackingPlan): Packer {
  return new Packer(plan);
}

/** Packers of one plan, each in a thread of its own. */
export function takePackers(count: number, plan: PackingPlan): Promise<Lease<Packer>[]> {
  return takeThreads<Packer>(count, new URL(import.meta.url), plan);
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
