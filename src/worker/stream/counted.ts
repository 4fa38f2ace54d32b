import type { Metrics } from '../../core/metrics.js';
import type { StreamConnection } from '../../core/transport/stream/connection.js';
import type { StreamConnections } from '../../core/transport/stream/connections.js';
import { StreamReceiver, type ReceiverOptions } from '../../core/transport/stream/receiver.js';

type Counters = Pick<Metrics, 'streamConnections' | 'streamBytes'>;
type Counted = Pick<StreamConnection, 'bytesRead' | 'bytesWritten' | 'onEnd' | 'peer'>;

interface Labels {
  site: string;
  peer: string;
  direction: 'in' | 'out';
}

/** Counts the data connections of a worker, and the bytes that go over them. */
export class ConnectionCounts {
  /** How many bytes of each standing connection are counted already. */
  readonly #standing = new Map<Counted, { labels: Labels; counted: number }>();

  constructor(
    private readonly site: string,
    private readonly metrics: Counters,
  ) {}

  /** Counts a connection from now on, until it ends. */
  add(connection: Counted, direction: Labels['direction']): void {
    const labels = { site: this.site, peer: connection.peer.site, direction };
    this.#standing.set(connection, { labels, counted: 0 });
    this.metrics.streamConnections.inc(labels);
    connection.onEnd(() => {
      this.#count(connection);
      this.#standing.delete(connection);
      this.metrics.streamConnections.dec(labels);
    });
  }

  /** Counts what has moved since the last call. */
  update(): void {
    for (const connection of this.#standing.keys()) this.#count(connection);
  }

  #count(connection: Counted): void {
    const known = this.#standing.get(connection);
    if (known === undefined) return;
    const bytes = known.labels.direction === 'out' ? connection.bytesWritten : connection.bytesRead;
    this.metrics.streamBytes.inc(known.labels, Math.max(0, bytes - known.counted));
    known.counted = bytes;
  }
}

/** Connections that a sender uses, counted. */
export function countedConnections(counts: ConnectionCounts, inner: StreamConnections): StreamConnections {
  return {
    peer: inner.peer,
    open: async (location, signal) => {
      const connection = await inner.open(location, signal);
      counts.add(connection, 'out');
      return connection;
    },
  };
}

/** A receiver whose connections are counted. */
export class CountedReceiver extends StreamReceiver {
  readonly #counts: ConnectionCounts;

  constructor(counts: ConnectionCounts, options: ReceiverOptions) {
    super(options);
    this.#counts = counts;
  }

  override serve(...[connection, hello]: Parameters<StreamReceiver['serve']>): Promise<void> {
    this.#counts.add(connection, 'in');
    return super.serve(connection, hello);
  }
}
