import type { Metrics } from '../../core/metrics.js';
import type { StreamConnection } from '../../core/transport/stream/connection.js';
import type { StreamConnections } from '../../core/transport/stream/connections.js';
import { StreamReceiver, type ReceiverOptions } from '../../core/transport/stream/receiver.js';

interface Ends {
  site: string;
  peer: string;
}

/** Connections that a sender uses, counted while they stand. */
export function countingConnections(
  metrics: Pick<Metrics, 'streamConnections'>,
  ends: Ends,
  inner: StreamConnections,
): StreamConnections {
  return {
    peer: inner.peer,
    open: async (location, signal) => {
      const connection = await inner.open(location, signal);
      standing(metrics, { ...ends, direction: 'out' }, connection);
      return connection;
    },
  };
}

/** A receiver whose connections are counted while they stand, by the site that sends. */
export class CountingReceiver extends StreamReceiver {
  readonly #metrics: Pick<Metrics, 'streamConnections'>;
  readonly #site: string;

  constructor(metrics: Pick<Metrics, 'streamConnections'>, site: string, options: ReceiverOptions) {
    super(options);
    this.#metrics = metrics;
    this.#site = site;
  }

  override serve(...[connection, hello]: Parameters<StreamReceiver['serve']>): Promise<void> {
    standing(this.#metrics, { site: this.#site, peer: connection.peer.site, direction: 'in' }, connection);
    return super.serve(connection, hello);
  }
}

function standing(
  { streamConnections }: Pick<Metrics, 'streamConnections'>,
  labels: Ends & { direction: 'in' | 'out' },
  connection: StreamConnection,
): void {
  streamConnections.inc(labels);
  connection.onEnd(() => streamConnections.dec(labels));
}
