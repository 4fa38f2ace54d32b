import type { CCATDataOperationError } from '../exceptions.js';
import { bbcpFailure } from './bbcp-failure.js';
import { given, parseBbcpLine, type BbcpEvent, type BbcpEventOf } from './bbcp-lines.js';
import { calculateTransferRate } from './transfer-rate.js';

/** How a run of bbcp ended. */
export interface BbcpRun {
  /** All that it wrote, both streams. */
  output: string;
  /** Null where a signal ended it, undefined where it has not ended yet. */
  exitCode?: number | null;
  signal?: string | null;
  /** How long it ran, where that was measured. */
  seconds?: number;
}

export interface BbcpReport {
  /** Bytes that this run moved, by the files that it told of; needs `-v` or `-V`. */
  bytes: number;
  files: BbcpEventOf<'copied'>[];
  skipped: string[];
  /** Measured, or by bbcp's own effective rate; undefined where neither is known. */
  seconds?: number;
  /** Effective, from start to end. */
  bytesPerSecond?: number;
  /** In order, without repetitions and without lines that tell no rate. */
  progress: BbcpEventOf<'progress'>[];
  checksums: BbcpEventOf<'checksum'>[];
  /** Why it failed, where it did. */
  failure?: CCATDataOperationError;
}

/** Reads all that a run of bbcp wrote. A copy counts as done only where there is no `failure` and its bytes were verified. */
export function parseBbcpOutput(run: BbcpRun): BbcpReport {
  const lines = run.output.split(/\r?\n/);
  const events = lines.flatMap((line) => parseBbcpLine(line) ?? []);
  const files = ofKind(events, 'copied');
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const effective = ofKind(events, 'summary').at(-1)?.bytesPerSecond;
  const seconds = run.seconds ?? (effective !== undefined && effective > 0 ? bytes / effective : undefined);
  return {
    bytes,
    files,
    skipped: ofKind(events, 'skipped').map(({ path }) => path),
    ...given('seconds', seconds),
    ...given(
      'bytesPerSecond',
      effective ?? (seconds === undefined || bytes === 0 ? undefined : calculateTransferRate(bytes, seconds)),
    ),
    progress: withoutNoise(ofKind(events, 'progress')),
    checksums: ofKind(events, 'checksum'),
    ...given('failure', bbcpFailure(lines, run)),
  };
}

function ofKind<Kind extends BbcpEvent['kind']>(events: BbcpEvent[], kind: Kind): BbcpEventOf<Kind>[] {
  return events.filter((event): event is BbcpEventOf<Kind> => event.kind === kind);
}

/** With `-P 1` bbcp repeats itself a hundred times a second, mostly with a rate that is no number. */
function withoutNoise(progress: BbcpEventOf<'progress'>[]): BbcpEventOf<'progress'>[] {
  const telling = progress.filter(({ bytesPerSecond }) => bytesPerSecond !== undefined);
  return telling.filter(
    ({ at, percent }, index) => at !== telling[index - 1]?.at || percent !== telling[index - 1]?.percent,
  );
}
