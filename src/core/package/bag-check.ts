import { createHash, type Hash } from 'node:crypto';
import { PackageError } from '../exceptions.js';
import { textOfBytes } from '../utilities/path-text.js';
import { printable } from '../utilities/printable.js';
import { TarReader, type TarReaderEntry } from '../utilities/tar-reader.js';
import { asBuffer, takeThread, type Lease } from '../utilities/threads.js';
import { MANIFEST, parseManifestLine, PAYLOAD_FOLDER, TAG_MANIFEST } from './bag.js';

/** Lines are at most a digest and an escaped path. */
const MAX_LINE = 16 * 1024;

/**
 * Checks a bag's members against its manifests while its tar goes by. Paths are kept as Latin-1, one character a byte. Memory grows with
 * the number of files (some 200 bytes each), not with their size.
 */
export class BagCheck {
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

  /** Takes the next bytes of the tar. */
  push(bytes: Uint8Array): void {
    this.#unlessBroken(() => this.#reader.push(asBuffer(bytes)));
  }

  /** What is wrong with it, as sentences. */
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

export function open(): BagCheck {
  return new BagCheck();
}

/** A check in a thread of its own. */
export function takeBagCheck(): Promise<Lease<BagCheck>> {
  return takeThread<BagCheck>(new URL(import.meta.url));
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
  return printable(textOfBytes(path));
}
