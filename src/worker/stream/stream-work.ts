import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateDirectory } from '../../core/certificates/certificate-directory.js';
import type { Catalogue } from '../../core/database/catalogue.js';
import type { Location, Route } from '../../core/database/records.js';
import { ConfigurationError, type CCATDataOperationError } from '../../core/exceptions.js';
import type { Logger } from '../../core/logging.js';
import type { Metrics } from '../../core/metrics.js';
import type { Notifications } from '../../core/notification-service.js';
import { doorOf, keyOfDoor, streamEnds, type Door, type StreamEnds } from '../../core/policy/stream-ends.js';
import { requireOptions } from '../../core/route-options.js';
import {
  AwaitedConnections,
  DialledConnections,
  type StreamConnections,
} from '../../core/transport/stream/connections.js';
import { StreamTransport } from '../../core/transport/stream/stream-transport.js';
import type { Transport } from '../../core/transport/transport.js';
import type { WorkerSelection } from '../selection.js';
import { Arrivals } from './arrivals.js';
import { ConnectionCounts, countedConnections, CountedReceiver } from './counted.js';
import { Doors } from './doors.js';
import { OwnCertificates } from './own-certificates.js';
import { ProblemLog } from './problem-log.js';

/** Between two looks at certificates and routes, in milliseconds. */
const LOOK_EVERY = 2500;

export interface StreamWorkParts {
  selection: Pick<WorkerSelection, 'site' | 'location' | 'operation'>;
  certificates: CertificateDirectory | undefined;
  listen: { host: string; port: number } | undefined;
  catalogue: Pick<Catalogue, 'locations' | 'routes' | 'marks'>;
  metrics: Metrics;
  notifications: Notifications;
  log: Logger;
}

/** The stream transport of one worker: what it sends with, and what it takes from others. */
export class StreamWork {
  private readonly site: string;
  private readonly arrivals: Arrivals;
  private readonly certificates: OwnCertificates;
  private readonly doors: Doors;
  private readonly counts: ConnectionCounts;
  private readonly problems: ProblemLog;

  constructor(private readonly parts: StreamWorkParts) {
    const { selection, catalogue, metrics, listen, log } = parts;
    this.site = selection.site ?? '';
    this.arrivals = new Arrivals(this.site, catalogue, log);
    this.certificates = new OwnCertificates(selection.site, parts.certificates, log);
    this.counts = new ConnectionCounts(this.site, metrics);
    this.problems = new ProblemLog(log);
    this.doors = new Doors({
      listen,
      certificates: this.certificates,
      receiver: new CountedReceiver(this.counts, {
        directoryOf: (asked) => this.arrivals.directoryOf(asked),
      }),
      log,
      onProblem: (problem, door) => void this.tell(problem, door),
    });
  }

  /**
   * The way over a stream route into a buffer. The caller closes it. Where this worker has no certificate, or should listen and does not, every
   * send fails with a ConfigurationError.
   *
   * @throws ConfigurationError for a route whose options are wrong
   */
  transport(route: Route, destination: Location): Transport {
    requireOptions(route);
    const connections = countedConnections(this.counts, this.connections(doorOf(route), destination.site));
    const labels = { site: this.site, route: route.name };
    return new StreamTransport({
      connections,
      location: `${destination.site}.${destination.name}`,
      onAgain: () => this.parts.metrics.streamPiecesAgain.inc(labels),
    });
  }

  /** Follows certificates and routes until it is told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        this.problems.tell('could not follow the stream routes', error);
      }
      await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look. */
  async look(): Promise<void> {
    this.counts.update();
    await this.certificates.refresh();
    const ends = this.ends(await this.arrivals.refresh());
    const { problem } = this.certificates;
    if (problem === undefined) await this.doors.follow(ends);
    else if (ends.listens || ends.dials.length > 0)
      this.problems.tell('stream routes begin or end here and can not be served', problem);
  }

  /** Ends every connection; what was under way is gone on with by those who send. */
  close(): Promise<void> {
    return this.doors.close();
  }

  private ends(routes: readonly Route[]): StreamEnds {
    const { location, operation } = this.parts.selection;
    const ends = streamEnds(this.site, routes);
    // Whoever serves other places or other work leaves the dialling to those who read back what comes.
    const reads = operation === undefined || operation === 'data_transfer_unpacking';
    return reads && this.arrivals.hasBuffer(location) ? ends : { ...ends, dials: [] };
  }

  /** Connections over a door, each with the certificates and the door as they are then. */
  private connections(door: Door, destination: string): StreamConnections {
    const ours = door.site === this.site;
    return {
      peer: ours ? `${destination}, which dials in` : keyOfDoor(door),
      open: async (location, signal) => {
        // What an operator has mended is used by the very next try.
        await this.certificates.refresh();
        const inner = ours
          ? new AwaitedConnections(await this.doors.own(), destination)
          : new DialledConnections({ ...door, identity: this.certificates.current });
        return inner.open(location, signal);
      },
    };
  }

  private async tell(problem: CCATDataOperationError, door?: Door): Promise<void> {
    const { metrics, notifications } = this.parts;
    metrics.streamProblems.inc({ site: this.site, error_class: problem.name });
    const what = door === undefined ? 'a connection of another site' : `dialling ${keyOfDoor(door)}`;
    const isNews = this.problems.tell(`${what} went wrong`, problem);
    // Anybody can call here; who does not let us in is a matter for people, and the other end only sees that nobody comes.
    if (door !== undefined && isNews && problem instanceof ConfigurationError)
      await notifications.tell({
        level: 'critical',
        kind: 'stream_refused',
        subject: keyOfDoor(door),
        happened: problem.message,
        tried: 'It is dialled again by itself; nothing comes from there meanwhile.',
        advice: problem.advice,
      });
  }
}
