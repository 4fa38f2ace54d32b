import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { PackageError } from '../exceptions.js';
import { classifyDiskError } from '../utilities/disk.js';
import { encodePath } from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';
import { TarReader, type TarReaderEntry } from '../utilities/tar-reader.js';
import { MANIFEST, parseManifestLine, PAYLOAD_FOLDER, TAG_MANIFEST } from './bag.js';

const CHUNK = 1024 * 1024;
const MAX_MISMATCHES = 100;
/** Lines are at most a digest and an escaped path. */
const MAX_LINE = 16 * 1024;

export interface ExpectedPackage {
  /** Size and SHA-256 (hex) of the whole tar. */
  bytes: number;
  sha256: string;
}

export interface VerifyOptions {
  signal?: AbortSignal;
  /** Called with the bytes of the tar checked so far. */
  onProgress?: (bytesDone: number) => void;
}

export interface Verification {
  ok: boolean;
  /** What is wrong, as sentences, the first hundred; empty exactly where `ok`. */
  mismatches: string[];
  /** Payload files that were checked. */
  files: number;
}

/**
 * Checks a package on disk in one reading: its own digest, and that of every member against the bag's manifests.
 * A damaged package is an answer, not an error. Throws a {@link StorageError} or {@link PermanentError} where the file can't be read.
 */
export async function verifyPackage(
  request: ExpectedPackage & VerifyOptions & { file: string },
): Promise<Verification> {
  try {
    return await verifyPackageStream(
      createReadStream(request.file, { highWaterMark: CHUNK }),
      request,
      request,
    );
  } catch (error) {
    request.signal?.throwIfAborted();
    throw classifyDiskError(error, { subject: request.file });
  }
}

/**
 * The same check of a package that arrives as a stream, such as an object read back from a store.
 * Errors of the stream are thrown as they are. Memory grows with the number of files (some 200 bytes each), not with their size.
 */
export async function verifyPackageStream(
  stream: AsyncIterable<Buffer | Uint8Array>,
  expected: ExpectedPackage,
  options: VerifyOptions = {},
): Promise<Verification> {
  const whole = createHash('sha256');
  const bag = new BagCheck();
  let bytes = 0;
  for await (const piece of stream) {
    options.signal?.throwIfAborted();
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    whole.update(chunk);
    bag.push(chunk);
    bytes += chunk.length;
    options.onProgress?.(bytes);
  }
  const mismatches = bag.end();
  const sha256 = whole.digest('hex');
  if (sha256 !== expected.sha256)
    mismatches.unshift(`The package's SHA-256 is ${sha256}, it must be ${expected.sha256}`);
  if (bytes !== expected.bytes)
    mismatches.unshift(`The package has ${bytes} bytes, it must have ${expected.bytes}`);
  return { ok: mismatches.length === 0, mismatches: mismatches.slice(0, MAX_MISMATCHES), files: bag.files };
}

/** Checks a bag's members against its manifests while its tar goes by. Paths are kept as Latin-1, one character a byte. */
class BagCheck {
  files = 0;
  readonly #mismatches: string[] = [];
  readonly #reader: TarReader;
  /** Digests of the members as they were read, below the bag's folder. */
  readonly #found = new Map<string, string>();
  readonly #listed = { [MANIFEST]: new Map<string, string>(), [TAG_MANIFEST]: new Map<string, string>() };
  #folder: string | undefined;
  #hash: Hash | undefined;
  #path = '';
  #lines: LineReader | undefined;
  #broken = false;

  constructor() {
    this.#reader = new TarReader({
      onEntry: (entry) => this.#begin(entry),
      onContent: (bytes) => {
        this.#hash?.update(bytes);
        this.#lines?.push(bytes);
      },
      onEntryEnd: () => this.#finish(),
    });
  }

  push(bytes: Buffer): void {
    this.#unlessBroken(() => this.#reader.push(bytes));
  }

  /** What is wrong with it. */
  end(): string[] {
    this.#unlessBroken(() => this.#reader.end());
    // Of a broken tar the manifests may be missing: what they would say is unknown.
    if (!this.#broken) this.#compare();
    return this.#mismatches;
  }

  /** Once the tar's structure is lost, the rest of it can't be understood; only the whole digest goes on. */
  #unlessBroken(work: () => void): void {
    if (this.#broken) return;
    try {
      work();
    } catch (error) {
      if (!(error instanceof PackageError)) throw error;
      this.#broken = true;
      this.#mismatches.push(error.message);
    }
  }

  #begin(entry: TarReaderEntry): void {
    const path = entry.path.toString('latin1');
    const slash = path.indexOf('/');
    this.#folder ??= path.slice(0, slash);
    if (slash <= 0 || path.slice(0, slash) !== this.#folder)
      throw new PackageError(`${show(path)} is not in the bag's folder`);
    this.#path = path.slice(slash + 1);
    if (this.#path.split('/').some((part) => ['', '.', '..'].includes(part)))
      throw new PackageError(`${show(path)} is no path of a bag`);
    if (entry.type === 'File') {
      if (this.#found.has(this.#path)) throw new PackageError(`${show(this.#path)} is in it twice`);
      this.#hash = createHash('sha256');
      if (this.#path === MANIFEST || this.#path === TAG_MANIFEST)
        this.#lines = this.#readManifest(this.#path);
    } else if (entry.type !== 'SymbolicLink' && entry.type !== 'Directory') {
      throw new PackageError(`${show(this.#path)} is a ${entry.type}, which no package has`);
    }
  }

  #finish(): void {
    this.#lines?.end();
    if (this.#hash) this.#found.set(this.#path, this.#hash.digest('hex'));
    if (this.#hash && isPayload(this.#path)) this.files += 1;
    this.#hash = undefined;
    this.#lines = undefined;
  }

  #readManifest(name: typeof MANIFEST | typeof TAG_MANIFEST): LineReader {
    return new LineReader((line) => {
      const parsed = parseManifestLine(line);
      if (!parsed) throw new PackageError(`${name} has a line that can not be read`);
      this.#listed[name].set(parsed.path.toString('latin1'), parsed.sha256);
    });
  }

  #compare(): void {
    for (const name of [MANIFEST, TAG_MANIFEST] as const) {
      if (!this.#found.has(name)) this.#mismatches.push(`${name} is missing`);
      for (const [path, sha256] of this.#listed[name]) {
        const found = this.#found.get(path);
        if (found === undefined) this.#mismatches.push(`${show(path)} is missing`);
        else if (found !== sha256)
          this.#mismatches.push(`${show(path)} has the SHA-256 ${found}, ${name} says ${sha256}`);
      }
    }
    for (const path of this.#found.keys()) {
      const name = isPayload(path) ? MANIFEST : TAG_MANIFEST;
      if (path !== TAG_MANIFEST && !this.#listed[name].has(path))
        this.#mismatches.push(`${show(path)} is not in ${name}`);
    }
  }
}

/** Cuts bytes into lines. */
class LineReader {
  readonly #onLine: (line: Buffer) => void;
  #rest: Buffer = Buffer.alloc(0);

  constructor(onLine: (line: Buffer) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (let end = all.indexOf(0x0a); end >= 0; end = all.indexOf(0x0a, at)) {
      this.#onLine(all.subarray(at, end));
      at = end + 1;
    }
    this.#rest = Buffer.from(all.subarray(at));
    if (this.#rest.length > MAX_LINE) throw new PackageError('A manifest has a line that is too long');
  }

  end(): void {
    if (this.#rest.length > 0) throw new PackageError('A manifest ends in the middle of a line');
  }
}

function isPayload(path: string): boolean {
  return path.startsWith(`${PAYLOAD_FOLDER}/`);
}

function show(path: string): string {
  return printable(encodePath(Buffer.from(path, 'latin1')));
}
