import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Where work is done: the labels that all of its metrics have. Bounded: by the topology and by code, never by the data. */
const PLACE = ['site', 'location', 'operation'] as const;

/** Activities take from milliseconds (a transaction) to days (a bundle over a thin link). */
const DURATION_BUCKETS = [0.05, 0.25, 1, 5, 30, 120, 600, 1800, 7200, 28_800, 86_400, 259_200];
const RATE_BUCKETS = [1e5, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9];

/**
 * What this process counts, in the names and units of Prometheus; the one list of them. Counting never fails and never waits.
 *
 * Gauges that are read from elsewhere (catalogue, Temporal, disks) at the moment of a scrape register themselves here with
 * `collect`, see `worker/observability/`.
 */
export class Metrics {
  readonly registry = new Registry();
  private readonly registers = [this.registry];

  readonly bytesMoved = new Counter({
    name: 'cdt_bytes_moved_total',
    help: 'Bytes that activities moved: read into a package, sent, verified, archived. `route` is empty where none is used.',
    labelNames: [...PLACE, 'route'],
    registers: this.registers,
  });
  readonly operationDuration = new Histogram({
    name: 'cdt_operation_duration_seconds',
    help: 'Time that one attempt of an activity took.',
    labelNames: [...PLACE, 'activity', 'outcome'],
    buckets: DURATION_BUCKETS,
    registers: this.registers,
  });
  readonly operationRate = new Histogram({
    name: 'cdt_operation_rate_bytes_per_second',
    help: 'Bytes per second of attempts that moved bytes and succeeded, over their whole time.',
    labelNames: [...PLACE, 'route'],
    buckets: RATE_BUCKETS,
    registers: this.registers,
  });
  readonly operationFailures = new Counter({
    name: 'cdt_operation_failures_total',
    help: 'Attempts that failed, by the class of the error.',
    labelNames: [...PLACE, 'activity', 'error_class'],
    registers: this.registers,
  });
  readonly operationRetries = new Counter({
    name: 'cdt_operation_retries_total',
    help: 'Attempts that were not the first.',
    labelNames: [...PLACE, 'activity'],
    registers: this.registers,
  });
  readonly operationsInProgress = new Gauge({
    name: 'cdt_operations_in_progress',
    help: 'Activities that this process works on now.',
    labelNames: [...PLACE],
    registers: this.registers,
  });
  readonly breakerState = new Gauge({
    name: 'cdt_breaker_open',
    help: 'Whether a route or a store is left alone for now: 0 it is used, 0.5 it is being probed, 1 it is left alone.',
    labelNames: ['kind', 'name'],
    registers: this.registers,
  });
  readonly notifications = new Counter({
    name: 'cdt_notifications_total',
    help: 'Messages to people by channel and outcome: sent, retried, failed (given up).',
    labelNames: ['channel', 'level', 'outcome'],
    registers: this.registers,
  });
  readonly influxPoints = new Counter({
    name: 'cdt_influx_points_total',
    help: 'Points for InfluxDB by outcome: written, dropped (buffer full), refused (by the server).',
    labelNames: ['outcome'],
    registers: this.registers,
  });

  constructor(options: { processMetrics?: boolean } = {}) {
    if (options.processMetrics === true) collectDefaultMetrics({ register: this.registry });
  }
}
