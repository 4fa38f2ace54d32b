import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';
import { redacted } from './redaction.js';
import { atOnce } from './utilities/at-once.js';
import { ifPresent } from './utilities/disk.js';
import { uniqueId } from './utilities/unique-id.js';

/** What a command (ssh, bbcp and the like) says, in a file of its own. */
export interface CommandLog {
  /** Takes what the command says, also from several streams at once; end it when the command has ended. */
  writable: Writable;
  /** The file's path, for a `data_transfer_log` row. The part before a rotation lies beside it as `.1`. */
  reference: string;
  /** Resolves when everything is in the file. */
  closed: Promise<void>;
}

export interface CommandLogLimits {
  /** Bytes after which a log is rotated once; so the latest of up to twice as much is kept. */
  fileBytes: number;
  /** Bytes of all logs together; the oldest go first. */
  totalBytes: number;
  /** Age at which a log goes, in days. */
  days: number;
}

export const COMMAND_LOG_LIMITS: CommandLogLimits = { fileBytes: 10e6, totalBytes: 1e9, days: 90 };

/** A line longer than this is written in pieces: memory is bounded whatever a command says. */
const LINE_BYTES = 64 * 1024;

/** Between two looks at all logs of a directory: there may be hundreds of thousands of them. */
const PRUNE_EVERY_MS = 3_600_000;

/** Logs that are looked at at the same time. */
const LOOKED_AT_ONCE = 8;

/** When a process looked through a directory last. */
const prunedAt = new Map<string, number>();

/**
 * Opens a log for one run of a command. Removes logs that are too old or too many, when the process opens its first log in the directory and every hour
 * from then on.
 *
 * @param name what the command is for; only its letters, digits, `.`, `_` and `-` are used
 * @throws Error of the file system where the directory can't be written
 */
export async function openCommandLog(
  directory: string,
  name: string,
  limits: CommandLogLimits = COMMAND_LOG_LIMITS,
): Promise<CommandLog> {
  await mkdir(directory, { recursive: true });
  if (performance.now() - (prunedAt.get(directory) ?? -Infinity) >= PRUNE_EVERY_MS) {
    prunedAt.set(directory, performance.now());
    await prune(directory, limits);
  }
  const clean =
    name
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[.-]+/, '')
      .slice(0, 100) || 'command';
  const reference = join(directory, `${clean}.${uniqueId()}.log`);
  const writable = new RedactingLog(reference, limits.fileBytes);
  const closed = finished(writable);
  // Whoever waits for it hears of it; nobody need wait.
  closed.catch(() => undefined);
  return { writable, reference, closed };
}

/** Whole lines, without secrets, into a file that is rotated once and again. */
class RedactingLog extends Writable {
  private pending = Buffer.alloc(0);
  private written = 0;
  private file: ReturnType<typeof createWriteStream>;

  constructor(
    private readonly path: string,
    private readonly limit: number,
  ) {
    super();
    this.file = this.open();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.pending = Buffer.concat([this.pending, chunk]);
    const end = Math.max(this.pending.lastIndexOf(0x0a), this.pending.lastIndexOf(0x0d)) + 1;
    const whole = end > 0 ? end : this.pending.length > LINE_BYTES ? this.pending.length : 0;
    this.put(whole).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.put(this.pending.length)
      .then(() => this.endFile())
      .then(() => done(), done);
  }

  private async put(bytes: number): Promise<void> {
    if (bytes === 0) return;
    const text = Buffer.from(redacted(this.pending.subarray(0, bytes).toString('utf8')));
    this.pending = this.pending.subarray(bytes);
    if (this.written > 0 && this.written + text.length > this.limit) {
      await this.endFile();
      await rename(this.path, `${this.path}.1`);
      this.file = this.open();
      this.written = 0;
    }
    this.written += text.length;
    if (!this.file.write(text)) await once(this.file, 'drain');
  }

  private open(): ReturnType<typeof createWriteStream> {
    const file = createWriteStream(this.path, { mode: 0o640 });
    file.on('error', (error) => this.destroy(error));
    return file;
  }

  private async endFile(): Promise<void> {
    this.file.end();
    await finished(this.file);
  }
}

async function prune(directory: string, { totalBytes, days }: CommandLogLimits): Promise<void> {
  const found: { name: string; size: number; mtimeMs: number }[] = [];
  const logs = (await readdir(directory)).filter((name) => /\.log(\.1)?$/.test(name));
  await atOnce(logs, LOOKED_AT_ONCE, async (name) => {
    // Another process may be pruning too.
    const status = await ifPresent(stat(join(directory, name)));
    if (status !== undefined) found.push({ name, size: status.size, mtimeMs: status.mtimeMs });
  });
  let total = 0;
  const oldest = Date.now() - days * 86_400_000;
  for (const { name, size, mtimeMs } of found.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
    total += size;
    if (total > totalBytes || mtimeMs < oldest) await rm(join(directory, name), { force: true });
  }
}
