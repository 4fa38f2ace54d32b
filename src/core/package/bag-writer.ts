import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { inOrder } from '../utilities/in-order.js';
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
import type { PackageOutput } from './package-output.js';
import type { PackageMember, PackageResult, RefusedEntry, SourceEntry } from './package-result.js';
import { digest, readChunks, readFully } from './read-content.js';
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

/** Files up to this size are read whole and ahead of their turn; larger ones stream through two chunks. */
const SMALL_FILE = 128 * 1024;
const READ_AHEAD = 16;
const CHUNK = 1024 * 1024;

/** What a bag is made of. */
export interface BagContents {
  /** The folder that the entries' paths are relative to. */
  sourceRoot: string;
  entries: SourceEntry[];
  /** The bag's folder: a plain file name. */
  name: string;
  /** Lines for `bag-info.txt`; `Payload-Oxum` is added, and today's `Bagging-Date` where it is missing. */
  bagInfo: Record<string, string>;
  signal?: AbortSignal;
  /** Called with the payload bytes dealt with so far; rises to the sum of the entries' sizes. */
  onProgress?: (payloadBytesDone: number) => void;
}

/** An entry that was read ahead of its turn. */
interface ReadAhead {
  stats: BigIntStats;
  /** Files. */
  content?: Buffer;
  sha256?: string;
  /** Symlinks. */
  target?: Buffer;
}

/** What came of an entry before its turn; nothing yet of a large file. */
interface Prepared {
  entry: SourceEntry;
  found: ReadAhead | Refusal | undefined;
}

/** Writes a bag's entries, and keeps what its manifests and the result will say. */
export class BagWriter {
  readonly refused: RefusedEntry[] = [];
  readonly #members: PackageMember[] = [];
  readonly #manifest: Buffer[] = [];
  readonly #output: PackageOutput;
  readonly #root: SourceRoot;
  readonly #request: BagContents;
  readonly #folder: Buffer;
  readonly #chunks: [Buffer, Buffer] = [Buffer.allocUnsafe(CHUNK), Buffer.allocUnsafe(CHUNK)];
  #payloadBytes = 0;
  #fileCount = 0;
  #bytesDone = 0;
  #newest = 0n;

  constructor(output: PackageOutput, root: SourceRoot, request: BagContents) {
    this.#output = output;
    this.#root = root;
    this.#request = request;
    this.#folder = Buffer.from(request.name);
  }

  async writePayload(entries: SourceEntry[]): Promise<void> {
    for await (const prepared of inOrder(entries, READ_AHEAD, (entry) => prepare(this.#root, entry))) {
      this.#request.signal?.throwIfAborted();
      await this.#writeEntry(prepared);
      this.#bytesDone += prepared.entry.size;
      this.#request.onProgress?.(this.#bytesDone);
    }
    if (this.#members.length > 0) return;
    // A bag without a payload folder is none.
    const path = joinBytes(this.#folder, Buffer.from(PAYLOAD_FOLDER));
    await this.#output.append(tarHeader({ path, kind: 'directory', size: 0, mode: 0o755, mtime: 0n }));
  }

  async writeTags(): Promise<void> {
    const info = {
      'Bagging-Date': new Date().toISOString().slice(0, 10),
      ...this.#request.bagInfo,
      'Payload-Oxum': payloadOxum(this.#payloadBytes, this.#fileCount),
    };
    const tags = [
      { name: 'bagit.txt', content: Buffer.from(DECLARATION) },
      { name: 'bag-info.txt', content: Buffer.from(bagInfoText(info)) },
      { name: MANIFEST, content: Buffer.concat(this.#manifest) },
    ];
    const lines = tags.map((tag) => manifestLine(digest(tag.content), Buffer.from(tag.name)));
    for (const { name, content } of [...tags, { name: TAG_MANIFEST, content: Buffer.concat(lines) }]) {
      const path = joinBytes(this.#folder, Buffer.from(name));
      await this.#output.append(
        tarHeader({ path, kind: 'file', size: content.length, mode: 0o644, mtime: this.#newest }),
      );
      await this.#appendPadded(content);
    }
    await this.#output.append(END_OF_ARCHIVE);
  }

  result(name: string, whole: { bytes: number; sha256: string }): PackageResult {
    return {
      version: 1,
      name,
      ...whole,
      fileCount: this.#fileCount,
      payloadBytes: this.#payloadBytes,
      members: this.#members,
      refused: this.refused,
      createdAt: new Date().toISOString(),
    };
  }

  async #writeEntry({ entry, found }: Prepared): Promise<void> {
    if (found === undefined) {
      await this.#writeLarge(entry);
    } else if (found instanceof Refusal) {
      this.#refuse(entry, found);
    } else {
      await this.#output.append(this.#header(entry, found.stats, found.target));
      if (found.content) await this.#appendPadded(found.content);
      this.#take(entry, found.stats, found.sha256);
    }
  }

  /** Streams a file into the package, and takes it out again where it turns out not to be the one that was begun. */
  async #writeLarge(entry: SourceEntry): Promise<void> {
    const member = await openMember(this.#root, entry);
    if (member instanceof Refusal) {
      this.#refuse(entry, member);
      return;
    }
    try {
      const mark = this.#output.mark();
      await this.#output.append(this.#header(entry, member.stats));
      const sha256 = await this.#appendContent(member, entry);
      if (sha256 instanceof Refusal) {
        await this.#output.cutBack(mark);
        this.#refuse(entry, sha256);
        return;
      }
      await this.#output.append(padding(entry.size));
      this.#take(entry, member.stats, sha256);
    } finally {
      await member.file.close();
    }
  }

  /** Answers with the content's SHA-256 (hex), or why it is not that of the file that was opened. */
  async #appendContent(member: OpenMember, entry: SourceEntry): Promise<string | Refusal> {
    const hash = createHash('sha256');
    const chunks = readChunks(member.file, entry.size, this.#chunks);
    let done = 0;
    for await (const chunk of chunks) {
      if (chunk instanceof Error) return refusalFor(chunk, entry);
      this.#request.signal?.throwIfAborted();
      hash.update(chunk);
      await this.#output.append(chunk);
      done += chunk.length;
      if (done < entry.size) this.#request.onProgress?.(this.#bytesDone + done);
    }
    if (done < entry.size) return new Refusal('changed', 'It became shorter while it was read.');
    return (await changedSince(member, entry)) ?? hash.digest('hex');
  }

  async #appendPadded(content: Buffer): Promise<void> {
    await this.#output.append(content);
    await this.#output.append(padding(content.length));
  }

  #header(entry: SourceEntry, stats: BigIntStats, linkTarget?: Buffer): Buffer {
    const path = joinBytes(this.#folder, this.#payloadPath(entry));
    const { kind, size } = entry;
    return tarHeader({
      path,
      kind,
      size,
      mode: Number(stats.mode),
      mtime: seconds(stats),
      ...(linkTarget && { linkTarget }),
    });
  }

  #take(entry: SourceEntry, stats: BigIntStats, sha256?: string): void {
    const member = { ...entry, ctimeNs: stats.ctimeNs.toString() };
    if (seconds(stats) > this.#newest) this.#newest = seconds(stats);
    if (sha256 === undefined) {
      this.#members.push(member);
      return;
    }
    this.#members.push({ ...member, sha256 });
    this.#manifest.push(manifestLine(sha256, this.#payloadPath(entry)));
    this.#fileCount += 1;
    this.#payloadBytes += entry.size;
  }

  #refuse(entry: SourceEntry, { kind, reason }: Refusal): void {
    this.refused.push({ path: entry.path, kind, reason });
  }

  #payloadPath(entry: SourceEntry): Buffer {
    return joinBytes(Buffer.from(PAYLOAD_FOLDER), memberPath(entry));
  }
}

async function prepare(root: SourceRoot, entry: SourceEntry): Promise<Prepared> {
  if (entry.kind === 'symlink') return { entry, found: await readLink(root, entry) };
  if (entry.kind === 'directory') return { entry, found: await readFolder(root, entry) };
  return { entry, found: entry.size > SMALL_FILE ? undefined : await readSmall(root, entry) };
}

async function readSmall(root: SourceRoot, entry: SourceEntry): Promise<ReadAhead | Refusal> {
  const member = await openMember(root, entry);
  if (member instanceof Refusal) return member;
  try {
    const content = Buffer.allocUnsafe(entry.size);
    const length = await readFully(member.file, content, 0);
    const refusal =
      length < entry.size
        ? new Refusal('changed', 'It became shorter while it was read.')
        : await changedSince(member, entry);
    return refusal ?? { stats: member.stats, content, sha256: digest(content) };
  } catch (error) {
    return refusalFor(error, entry);
  } finally {
    await member.file.close();
  }
}

/** Whole seconds, rounded down also before 1970. */
function seconds({ mtimeNs }: BigIntStats): bigint {
  return (mtimeNs < 0n ? mtimeNs - 999_999_999n : mtimeNs) / 1_000_000_000n;
}
