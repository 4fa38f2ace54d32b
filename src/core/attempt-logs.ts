import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openCommandLog, type CommandLog } from './command-log.js';
import type { AttemptRecord, TransferSubject } from './database/catalogue/transfer-logs.js';
import { CCATDataOperationError } from './exceptions.js';
import type { Logger } from './logging.js';
import { printable } from './utilities/printable.js';
import { uniqueId } from './utilities/unique-id.js';

/** One attempt, as far as it is known when it begins. */
export interface Attempt {
  of: TransferSubject;
  /** For the name of its log. */
  name: string;
  attempt: number;
  /** For the log's first line. */
  fields: Readonly<Record<string, string | number>>;
}

/** What an attempt tells while it runs. */
export interface AttemptNotes {
  note: (line: string) => void;
  moved: (bytes: number) => void;
}

/** What is kept beside a log until the catalogue knows of it, and who keeps it. */
interface Slip {
  record: Omit<AttemptRecord, 'bytes' | 'sha256'>;
  host: string;
  pid: number;
}

const SLIP = /\.log\.json$/;
const MESSAGE_CHARACTERS = 1000;

/** Between two looks for slips that others left: they lie among the logs of months. */
const HAND_IN_EVERY_MS = 60_000;

/**
 * The logs of transfer attempts: what each says goes to a file of the site where it runs, and a row of the catalogue
 * (`data_transfer_log`) tells when it began and ended, how, and where that file is.
 *
 * The row is written when the attempt is over. Until then a slip of paper (`<log>.json`) lies beside the log, which says that the attempt was cut
 * off; whoever comes next hands in the slips of processes that are gone, within a minute, and those that the catalogue was not there for. Nothing of
 * this ever fails the work.
 */
export class AttemptLogs {
  private readonly directory: string;
  private readonly mine = new Set<string>();
  /** When it is looked for slips again, by the clock of the process: with the next attempt where one could not be handed in. */
  private handInAt = -Infinity;

  constructor(
    directory: string,
    private readonly site: string,
    private readonly catalogue: { record(attempt: AttemptRecord): Promise<void> },
    private readonly log: Logger,
  ) {
    this.directory = resolve(directory);
  }

  /** Runs an attempt, and keeps what it says and how it ended. */
  async around<T>(about: Attempt, act: (notes: AttemptNotes) => Promise<T>): Promise<T> {
    const opened = await this.quietly('open', () => this.open(about));
    if (opened === undefined) return act({ note: () => undefined, moved: () => undefined });
    const { log, slip } = opened;
    const notes: AttemptNotes = {
      note: (line) => void log.writable.write(`${new Date().toISOString()} ${printable(line)}\n`),
      moved: (bytes) => (slip.record.bytesMoved += bytes),
    };
    notes.note(`attempt ${about.attempt} begins ${JSON.stringify(about.fields)}`);
    try {
      const result = await act(notes);
      await this.close(log, slip, { outcome: 'completed' }, notes);
      return result;
    } catch (error) {
      await this.close(log, slip, endOf(error), notes);
      throw error;
    }
  }

  private async open(about: Attempt): Promise<{ log: CommandLog; slip: Slip }> {
    await mkdir(this.directory, { recursive: true });
    await this.handIn();
    const log = await openCommandLog(this.directory, about.name);
    const record = {
      id: uniqueId(),
      of: about.of,
      site: this.site,
      path: log.reference,
      attempt: about.attempt,
      startedAt: new Date().toISOString(),
      outcome: 'interrupted' as const,
      bytesMoved: 0,
    };
    const slip: Slip = { record, host: hostname(), pid: process.pid };
    this.mine.add(slipOf(log.reference));
    await this.keep(slip);
    return { log, slip };
  }

  private async close(
    log: CommandLog,
    slip: Slip,
    end: Pick<AttemptRecord, 'outcome' | 'errorClass' | 'message'>,
    notes: AttemptNotes,
  ): Promise<void> {
    const told = [end.errorClass, end.message].filter((one) => one !== undefined).join(': ');
    notes.note(`${end.outcome}, ${slip.record.bytesMoved} bytes moved${told === '' ? '' : `; ${told}`}`);
    log.writable.end();
    await this.quietly('write', () => log.closed);
    slip.record = { ...slip.record, ...end, endedAt: new Date().toISOString() };
    await this.quietly('record', async () => {
      await this.keep(slip);
      await this.record(slip);
    });
    this.mine.delete(slipOf(log.reference));
  }

  /** Tells the catalogue of attempts that are over and that it does not know of. */
  private async handIn(): Promise<void> {
    if (performance.now() < this.handInAt) return;
    this.handInAt = performance.now() + HAND_IN_EVERY_MS;
    for (const name of (await readdir(this.directory)).filter((one) => SLIP.test(one))) {
      const path = join(this.directory, name);
      if (this.mine.has(path)) continue;
      const slip = await readSlip(path);
      if (slip === undefined) await rm(path, { force: true });
      else if (slip.host === hostname() && !(slip.pid !== process.pid && isAlive(slip.pid)))
        await this.record(slip);
    }
  }

  private async record({ record }: Slip): Promise<void> {
    const text = await readFile(record.path).catch((error: unknown) => {
      // Logs that are too old are removed.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    const sha256 = createHash('sha256').update(text).digest('hex');
    try {
      await this.catalogue.record({ ...record, bytes: text.length, sha256 });
    } catch (error) {
      if (!(error instanceof CCATDataOperationError) || error.retryable) {
        this.handInAt = -Infinity;
        throw error;
      }
      this.log.warn('the catalogue refuses the log of a transfer; it is kept as a file', {
        path: record.path,
        error,
      });
    }
    await rm(slipOf(record.path), { force: true });
  }

  private async keep(slip: Slip): Promise<void> {
    const path = slipOf(slip.record.path);
    await writeFile(`${path}.new`, JSON.stringify(slip), { mode: 0o640 });
    await rename(`${path}.new`, path);
  }

  /** A log that can't be kept is told in the process's own and never fails the work. */
  private async quietly<T>(what: string, act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act();
    } catch (error) {
      this.log.warn(`could not ${what} the log of a transfer`, { directory: this.directory, error });
      return undefined;
    }
  }
}

function slipOf(path: string): string {
  return `${path}.json`;
}

/** Undefined for what is no slip: a torn file of a full disk. */
async function readSlip(path: string): Promise<Slip | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Slip;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process is one too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function endOf(error: unknown): Pick<AttemptRecord, 'outcome' | 'errorClass' | 'message'> {
  // A failure that was made for Temporal has its class in `type`.
  const { type, name = 'Error' } = error as { type?: string; name?: string };
  if (name === 'CancelledFailure' || name === 'AbortError') return { outcome: 'cancelled' };
  const message = error instanceof Error ? error.message : String(error);
  return {
    outcome: 'failed',
    errorClass: type ?? name,
    message: printable(message).slice(0, MESSAGE_CHARACTERS),
  };
}
