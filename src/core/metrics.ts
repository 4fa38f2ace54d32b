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
  readonly deletedCopies = new Counter({
    name: 'cdt_deleted_copies_total',
    help: 'Copies that were deleted because the archives have them: tars in buffers (`kind` copy), files at a source (source_files).',
    labelNames: ['site', 'location', 'kind'],
    registers: this.registers,
  });
  readonly deletedBytes = new Counter({
    name: 'cdt_deleted_bytes_total',
    help: 'Bytes that became free by that.',
    labelNames: ['site', 'location', 'kind'],
    registers: this.registers,
  });
  readonly deletionsRefused = new Counter({
    name: 'cdt_deletions_refused_total',
    help: 'Deletions that were due and refused at the last look, by each of the reasons (the codes of `cdt explain --json`).',
    labelNames: ['site', 'location', 'reason'],
    registers: this.registers,
  });
  readonly streamBytes = new Counter({
    name: 'cdt_stream_bytes_total',
    help: 'Bytes that went over connections of stream routes, what was sent again among them: `out` to the peer, `in` from it.',
    labelNames: ['site', 'peer', 'direction'],
    registers: this.registers,
  });
  readonly streamPiecesAgain = new Counter({
    name: 'cdt_stream_pieces_again_total',
    help: 'Pieces that were sent again, because they arrived wrong or their connection broke before they were acknowledged.',
    labelNames: ['site', 'route'],
    registers: this.registers,
  });
  readonly streamProblems = new Counter({
    name: 'cdt_stream_problems_total',
    help: 'Connections of stream routes that were refused, broke, or could not be made.',
    labelNames: ['site', 'error_class'],
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

  // Of the state of things: set at a scrape, by the process that can see them (`worker/gauges.ts`).
  readonly packages = this.gauge('cdt_packages', 'Raw data packages by state.', ['state']);
  readonly openProblems = this.gauge('cdt_open_problems', 'Problems that are not resolved.', ['operation']);
  readonly waitingFiles = this.gauge('cdt_waiting_files', 'Files at a source that no package holds yet.', [
    'site',
    'location',
  ]);
  readonly waitingBytes = this.gauge('cdt_waiting_files_bytes', 'Their bytes.', ['site', 'location']);
  readonly oldestWaitingFile = this.gauge(
    'cdt_oldest_waiting_file_age_seconds',
    'How long the oldest of them has been known.',
    ['site', 'location'],
  );
  readonly oldestUnarchived = this.gauge(
    'cdt_oldest_unarchived_package_age_seconds',
    'Age of the oldest package of a source that is in no archive yet.',
    ['site', 'location'],
  );
  readonly oldestVerified = this.gauge(
    'cdt_oldest_verification_age_seconds',
    'For each archive: time since the copy that was not read back for longest was.',
    ['site', 'location'],
  );
  readonly queueBacklog = this.gauge('cdt_queue_backlog_tasks', 'Activities that wait for a worker, about.', [
    ...PLACE,
  ]);
  readonly queueBacklogAge = this.gauge(
    'cdt_queue_backlog_age_seconds',
    'How long the first of them has waited, about.',
    [...PLACE],
  );
  readonly queuePollers = this.gauge('cdt_queue_pollers', 'Workers that asked the queue for work lately.', [
    ...PLACE,
  ]);
  readonly breakerState = this.gauge(
    'cdt_breaker_open',
    'Whether a route or a store is left alone for now: 0 it is used, 0.5 it is being probed, 1 it is left alone.',
    ['kind', 'name'],
  );
  readonly locationSize = this.gauge('cdt_location_size_bytes', 'Size of the disk of a location.', [
    'site',
    'location',
    'type',
  ]);
  readonly locationAvailable = this.gauge(
    'cdt_location_available_bytes',
    'What may still be written there.',
    ['site', 'location', 'type'],
  );
  readonly locationFill = this.gauge('cdt_location_fill_ratio', 'How full it is, from 0 to 1.', [
    'site',
    'location',
    'type',
  ]);
  readonly locationLevel = this.gauge(
    'cdt_location_level',
    'Its level: 0 ok, 1 warn, 2 high, 3 critical; -1 where it can not be used.',
    ['site', 'location', 'type'],
  );
  readonly locationMeasured = this.gauge(
    'cdt_location_measurement_age_seconds',
    'Time since its disk was measured.',
    ['site', 'location', 'type'],
  );
  readonly streamConnections = this.gauge(
    'cdt_stream_connections',
    'Connections that move bytes over stream routes now: `out` to the peer, `in` from it.',
    ['site', 'peer', 'direction'],
  );
  readonly certificateEnds = this.gauge(
    'cdt_certificate_expiry_timestamp_seconds',
    'When a certificate ends that a worker shows on stream routes, or that of the authority it trusts; seconds since 1970.',
    ['site', 'certificate'],
  );
  readonly catalogueUp = this.gauge(
    'cdt_catalogue_up',
    'Whether the figures of the catalogue could be read at this scrape or shortly before.',
    [],
  );

  constructor(options: { processMetrics?: boolean } = {}) {
    if (options.processMetrics === true) collectDefaultMetrics({ register: this.registry });
  }

  private gauge<T extends string>(name: string, help: string, labelNames: T[]): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: this.registers });
  }
}
