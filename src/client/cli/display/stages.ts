import type { SourceProgress } from '../../../core/database/records.js';
import type { Operation } from '../../../core/operation-types.js';
import type { PackageState } from '../../../core/states.js';

/** One line of the live display: how far one kind of work is. */
export interface Stage {
  name: string;
  files: { done: number; total: number };
  bytes: { done: number; total: number };
  /** Bytes that were done already when the stage was shown first. */
  bytesAtStart: number;
  /** Bytes per second now. */
  rate: number;
  /** Absent where nothing moves or nothing is left. */
  secondsLeft?: number;
}

/** What the stages ask of {@link Rates}. */
export interface LiveBytes {
  done(operation: Operation): number;
  rate(operation: Operation): number;
}

interface StageKind {
  name: string;
  operation: Operation;
  /** The states of packages that have this stage behind them. */
  done: PackageState[];
  /** How often each byte is counted: archiving puts it and reads it back. */
  passes: number;
}

const PACKAGING: StageKind = {
  name: 'packaging',
  operation: 'raw_data_package_creation',
  done: [],
  passes: 1,
};
const LATER: StageKind[] = [
  { name: 'transfer', operation: 'data_transfer', done: ['arrived', 'archived'], passes: 1 },
  { name: 'verification', operation: 'data_transfer_unpacking', done: ['arrived', 'archived'], passes: 1 },
  { name: 'archiving', operation: 'long_term_archive_transfer', done: ['archived'], passes: 2 },
];

/**
 * The stages of a source's way into the archive: what was done at first plus the bytes that moved since, or what the catalogue counts
 * as done where that is more.
 *
 * @param before the stages shown last
 */
export function stages(progress: SourceProgress, live: LiveBytes, before: Stage[] = []): Stage[] {
  const { files, bytes, packages } = progress;
  const total = {
    files: files.registered + files.packaged + files.deleted - packages.failed.files,
    bytes: bytes.registered + bytes.packaged + bytes.deleted - packages.failed.payloadBytes,
  };
  const packaged = { files: total.files - files.registered, bytes: total.bytes - bytes.registered };
  const rows = [stage(PACKAGING, packaged, total, live, before)];
  for (const kind of LATER) {
    const finished = {
      files: kind.done.reduce((sum, state) => sum + packages[state].files, 0),
      bytes: kind.done.reduce((sum, state) => sum + packages[state].payloadBytes, 0),
    };
    rows.push(stage(kind, finished, total, live, before));
  }
  return rows;
}

interface Amount {
  files: number;
  bytes: number;
}

function stage(
  { name, operation, passes }: StageKind,
  done: Amount,
  total: Amount,
  live: LiveBytes,
  before: Stage[],
): Stage {
  const last = before.find((one) => one.name === name);
  const bytesAtStart = last?.bytesAtStart ?? done.bytes;
  const bytesDone = Math.min(total.bytes, Math.max(done.bytes, bytesAtStart + live.done(operation) / passes));
  const rate = live.rate(operation) / passes;
  const bytesLeft = total.bytes - bytesDone;
  return {
    name,
    files: { done: done.files, total: total.files },
    bytes: { done: bytesDone, total: total.bytes },
    bytesAtStart,
    rate,
    ...(rate > 0 && bytesLeft > 0 ? { secondsLeft: bytesLeft / rate } : {}),
  };
}
