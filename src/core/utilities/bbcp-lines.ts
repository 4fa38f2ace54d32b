/** What one line of bbcp tells. Rates are bytes per second, undefined where bbcp writes none that is a number. */
export type BbcpEvent =
  | {
      kind: 'progress';
      /** As bbcp writes it: `YYMMDD HH:MM:SS`, local time of the target. */
      at: string;
      /** Undefined where bbcp does not know the size. */
      percent?: number;
      bytesPerSecond?: number;
      averageBytesPerSecond?: number;
    }
  /** `offset` is where an interrupted copy goes on. */
  | { kind: 'started'; path: string; offset: number }
  /** `bytes` are those that this run moved. */
  | { kind: 'copied'; path: string; bytes: number; bytesPerSecond: number }
  /** The target had it already. */
  | { kind: 'skipped'; path: string }
  | { kind: 'checksum'; algorithm: string; digest: string; place: string }
  | { kind: 'summary'; files: number; bytesPerSecond: number };

export type BbcpEventOf<Kind extends BbcpEvent['kind']> = Extract<BbcpEvent, { kind: Kind }>;

const RATE = String.raw`(-?nan|-?inf|\d+(?:\.\d+)?) ([KMG]?)B/s`;
const PROGRESS = new RegExp(
  String.raw`^bbcp: (\d{6} \d\d:\d\d:\d\d) +(?:(\d+)%|not) done; ${RATE}(?:, avg ${RATE})?`,
);
const COPIED = new RegExp(String.raw`^File (.+) created; (\d+) bytes at ${RATE}`);
const SUMMARY = new RegExp(String.raw`^(\d+) files? copied at effectively ${RATE}`);
const UNITS: Record<string, number> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/**
 * What a line of bbcp tells, undefined where it tells nothing that is needed here. The wording is that of bbcp 15.02; its units are
 * powers of 1024.
 */
export function parseBbcpLine(line: string): BbcpEvent | undefined {
  const progress = PROGRESS.exec(line);
  if (progress !== null) {
    const [, at = '', percent, now, unit, average, averageUnit] = progress;
    return {
      kind: 'progress',
      at,
      ...given('percent', percent === undefined ? undefined : Number(percent)),
      ...given('bytesPerSecond', rate(now, unit)),
      ...given('averageBytesPerSecond', rate(average, averageUnit)),
    };
  }
  const copied = COPIED.exec(line);
  if (copied !== null) {
    const [, path = '', bytes, value, unit] = copied;
    return { kind: 'copied', path, bytes: Number(bytes), bytesPerSecond: rate(value, unit) ?? 0 };
  }
  const summary = SUMMARY.exec(line);
  if (summary !== null) {
    const [, files, value, unit] = summary;
    return { kind: 'summary', files: Number(files), bytesPerSecond: rate(value, unit) ?? 0 };
  }
  const checksum = /^Checksum: (\S+) ([0-9a-f]+) (.+)$/.exec(line);
  if (checksum !== null) {
    const [, algorithm = '', digest = '', place = ''] = checksum;
    return { kind: 'checksum', algorithm, digest, place };
  }
  const started = /^bbcp: (?:Creating (.+)|Appending to (.+) at offset (\d+))$/.exec(line);
  if (started !== null)
    return { kind: 'started', path: started[1] ?? started[2] ?? '', offset: Number(started[3] ?? 0) };
  const skipped =
    /^bbcp: (?:Skipping (.+) already exists\.|File (.+) appears to have already been copied; copy skipped\.)$/.exec(
      line,
    );
  return skipped === null ? undefined : { kind: 'skipped', path: skipped[1] ?? skipped[2] ?? '' };
}

function rate(value: string | undefined, unit = ''): number | undefined {
  const bytes = Number(value) * (UNITS[unit] ?? 1);
  return Number.isFinite(bytes) ? bytes : undefined;
}

/** The member, where there is a value for it. */
export function given<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}
