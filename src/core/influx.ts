import type { Logger } from './logging.js';
import type { Metrics } from './metrics.js';
import type { Secret } from './utilities/secret.js';

/** One row of a measurement. Whole numbers as bigint. */
export interface Point {
  measurement: string;
  tags: Record<string, string>;
  fields: Record<string, number | bigint | string | boolean>;
  /** Nanoseconds since 1970; now where absent. */
  timestampNs?: bigint;
}

export interface InfluxSettings {
  /** `https://influx.observatory.example:8086` */
  url: string;
  org: string;
  bucket: string;
  token: Secret;
}

const FLUSH_MS = 5000;
const BATCH = 1000;
/** What is kept while the server is away: some megabytes. */
const MOST_KEPT = 20_000;
const TIMEOUT_MS = 10_000;

/**
 * Writes points to InfluxDB (HTTP API v2, line protocol), in batches and beside the work: `write` never waits and never throws. While the
 * server is away, the newest points are kept up to a bound and the rest is counted as dropped.
 */
export class InfluxWriter {
  private lines: string[] = [];
  private readonly timer: NodeJS.Timeout;
  private flushing: Promise<void> | undefined;
  private away = false;

  constructor(
    private readonly settings: InfluxSettings,
    private readonly log: Logger,
    private readonly metrics: Metrics,
    options: { flushMs?: number; mostKept?: number } = {},
  ) {
    this.mostKept = options.mostKept ?? MOST_KEPT;
    this.timer = setInterval(() => void this.flush(), options.flushMs ?? FLUSH_MS).unref();
  }

  private readonly mostKept: number;

  write(point: Point): void {
    const line = lineOf({ timestampNs: BigInt(Date.now()) * 1_000_000n, ...point });
    if (line === undefined) return;
    this.lines.push(line);
    const over = this.lines.length - this.mostKept;
    if (over > 0) this.drop(over);
    if (this.lines.length >= BATCH) void this.flush();
  }

  /** Sends what is there now. */
  flush(): Promise<void> {
    this.flushing ??= this.send().finally(() => {
      this.flushing = undefined;
    });
    return this.flushing;
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flushing;
    await this.flush();
  }

  private async send(): Promise<void> {
    while (this.lines.length > 0) {
      const batch = this.lines.slice(0, BATCH);
      const outcome = await this.post(batch);
      if (outcome === 'later') return;
      // What was dropped meanwhile was dropped from the front.
      const sent = new Set(batch);
      this.lines = this.lines.filter((line) => !sent.has(line));
      this.metrics.influxPoints.inc({ outcome }, batch.length);
    }
  }

  private async post(batch: string[]): Promise<'written' | 'refused' | 'later'> {
    const { url, org, bucket, token } = this.settings;
    const query = new URLSearchParams({ org, bucket, precision: 'ns' });
    try {
      const response = await fetch(`${url.replace(/\/+$/, '')}/api/v2/write?${query.toString()}`, {
        method: 'POST',
        headers: {
          authorization: `Token ${token.reveal()}`,
          'content-type': 'text/plain; charset=utf-8',
        },
        body: batch.join('\n'),
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const answer = (await response.text()).slice(0, 200);
      if (response.ok) {
        if (this.away) this.log.info('InfluxDB takes points again');
        this.away = false;
        return 'written';
      }
      this.complain(`${response.status} ${answer}`);
      // 400 and 413 are about this very batch; whatever else is wrong may be put right while points wait.
      return response.status === 400 || response.status === 413 ? 'refused' : 'later';
    } catch (error) {
      this.complain(error);
      return 'later';
    }
  }

  /** Once for each outage. */
  private complain(error: unknown): void {
    if (!this.away) this.log.warn('InfluxDB does not take points for now', { error });
    this.away = true;
  }

  private drop(count: number): void {
    this.lines.splice(0, count);
    this.metrics.influxPoints.inc({ outcome: 'dropped' }, count);
  }
}

/**
 * A point in the line protocol
 * (https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/); undefined where it has no field that can be written. Empty tags
 * are left out, line breaks become spaces, backslashes that would escape something slashes.
 */
export function lineOf({ measurement, tags, fields, timestampNs }: Point): string | undefined {
  const name = escapeText(measurement, /([, ])/g);
  const written = Object.entries(fields)
    .map(([key, value]) => [escapeKey(key), fieldValue(value)] as const)
    .filter((entry): entry is readonly [string, string] => entry[0] !== '' && entry[1] !== undefined)
    .map(([key, value]) => `${key}=${value}`);
  if (written.length === 0 || name === '') return undefined;
  // Sorted, as the server likes them.
  const labels = Object.entries(tags)
    .map(([key, value]) => [escapeKey(key), escapeKey(value)] as const)
    .filter(([key, value]) => key !== '' && value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `,${key}=${value}`);
  const time = timestampNs === undefined ? '' : ` ${timestampNs}`;
  return `${name}${labels.join('')} ${written.join(',')}${time}`;
}

function fieldValue(value: number | bigint | string | boolean): string | undefined {
  // The server takes 64 bits.
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? `${value}i` : undefined;
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return `"${oneLine(value).replace(/(["\\])/g, '\\$1')}"`;
  return Number.isFinite(value) ? String(value) : undefined;
}

function escapeKey(text: string): string {
  return escapeText(text, /([,= ])/g);
}

/** A backslash at the end would escape what follows, and one before what is escaped would be taken for its escape: they become slashes. */
function escapeText(text: string, special: RegExp): string {
  return oneLine(text)
    .replace(/\\(?=[\\,= ]|$)/g, '/')
    .replace(special, '\\$1');
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}
