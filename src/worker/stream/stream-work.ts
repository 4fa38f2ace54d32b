import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateDirectory, SiteCredentials } from '../../core/certificate-directory.js';
import type { Catalogue } from '../../core/database/catalogue.js';
import type { Location, Route } from '../../core/database/records.js';
import { CCATDataOperationError, ConfigurationError } from '../../core/exceptions.js';
import type { Logger } from '../../core/logging.js';
import type { Metrics } from '../../core/metrics.js';
import type { Notifications } from '../../core/notification-service.js';
import { doorOf, keyOfDoor, streamEnds, type Door, type StreamEnds } from '../../core/policy/stream-ends.js';
import { requireOptions } from '../../core/route-options.js';
import { AwaitedConnections, DialledConnections } from '../../core/transport/stream/connections.js';
import type { Dialled } from '../../core/transport/stream/dial.js';
import { DialIn } from '../../core/transport/stream/dial-in.js';
import { StreamListener } from '../../core/transport/stream/listener.js';
import type { StreamReceiver } from '../../core/transport/stream/receiver.js';
import { StreamTransport } from '../../core/transport/stream/stream-transport.js';
import type { Transport } from '../../core/transport/transport.js';
import type { WorkerSelection } from '../selection.js';
import { Arrivals } from './arrivals.js';
import { countingConnections, CountingReceiver } from './counted.js';
import { ProblemLog } from './problem-log.js';

/** Between two looks at certificates and routes, in milliseconds. */
const LOOK_EVERY = 2500;

export interface StreamWorkParts {
  /** A worker of all sites has no certificate to show, and does nothing here. */
  selection: Pick<WorkerSelection, 'site' | 'location' | 'operation'>;
  certificates: CertificateDirectory | undefined;
  listen: { host: string; port: number } | undefined;
  catalogue: Pick<Catalogue, 'locations' | 'routes' | 'marks'>;
  metrics: Metrics;
  notifications: Notifications;
  log: Logger;
}

/** The stream transport of one worker: what it sends with, the door by which others come in, and the doors elsewhere that it dials. */
export class StreamWork {
  private readonly arrivals: Arrivals;
  private readonly receiver: StreamReceiver;
  private readonly dialIns = new Map<string, DialIn>();
  private readonly problems: ProblemLog;
  private listener: StreamListener | undefined;
  private credentials: SiteCredentials | undefined;
  /** Why there are none. */
  private unusable: CCATDataOperationError | undefined;

  private constructor(private readonly parts: StreamWorkParts) {
    const { catalogue, log, metrics } = parts;
    const { site = '' } = parts.selection;
    this.arrivals = new Arrivals(site, catalogue, log);
    this.problems = new ProblemLog(log);
    this.receiver = new CountingReceiver(metrics, site, {
      directoryOf: (asked) => this.arrivals.directoryOf(asked),
    });
  }

  /** Begins by reading the certificates, so that what is sent at once has them. */
  static async start(parts: StreamWorkParts): Promise<StreamWork> {
    const work = new StreamWork(parts);
    await work.readCertificates();
    return work;
  }

  /**
   * The way over a stream route into a buffer. The caller closes it.
   *
   * @throws ConfigurationError where this worker has no certificate that can be used, or should listen and does not
   */
  transport(route: Route, destination: Location): Transport {
    requireOptions(route);
    const [door, location] = [doorOf(route), `${destination.site}.${destination.name}`];
    const { metrics } = this.parts;
    const { site = '' } = this.parts.selection;
    const connections =
      door.site === site
        ? new AwaitedConnections(this.openDoor(route), destination.site)
        : new DialledConnections(this.dialled(door));
    return new StreamTransport({
      connections: countingConnections(metrics, { site, peer: destination.site }, connections),
      location,
    });
  }

  /** Follows certificates and routes until it is told to stop. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.look();
      } catch (error) {
        this.problems.tell('could not look at the stream routes; all goes on as before', error);
      }
      await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look. */
  async look(): Promise<void> {
    await this.readCertificates();
    const routes = await this.arrivals.refresh();
    const { site = '', location, operation } = this.parts.selection;
    const wanted = streamEnds(site, routes);
    if (this.credentials === undefined) {
      if (wanted.listens || wanted.dials.length > 0)
        this.problems.tell('stream routes begin or end here and can not be served', this.unusable);
      return;
    }
    await this.listenIf(wanted.listens);
    // What comes is for those who read it back.
    const reads = operation === undefined || operation === 'data_transfer_unpacking';
    await this.dialThese(reads && this.arrivals.hasBuffer(location) ? wanted.dials : []);
  }

  /** Ends every connection; what was under way is sent again by those who send. */
  async close(): Promise<void> {
    await this.listenIf(false);
    await this.dialThese([]);
  }

  private async listenIf(wanted: boolean): Promise<void> {
    const { listen, log } = this.parts;
    if (wanted && this.listener === undefined && listen !== undefined) {
      this.listener = await StreamListener.open({
        ...listen,
        identity: this.identity(),
        receiver: this.receiver,
        onProblem: (problem) => this.problems.tell('a connection of another site went wrong', problem),
      });
      log.info('other sites are listened to', { ...listen, port: this.listener.port });
    }
    if (!wanted && this.listener !== undefined) {
      const { listener } = this;
      this.listener = undefined;
      await listener.close();
      log.info('other sites are listened to no more', { ...listen });
    }
  }

  /** What is switched off is dialled as long as it stands: what is under way ends. */
  private async dialThese(doors: StreamEnds['dials']): Promise<void> {
    const wanted = new Map(doors.map((one) => [keyOfDoor(one), one]));
    for (const [key, dialIn] of this.dialIns) {
      const door = wanted.get(key);
      if (door?.active === true || (door !== undefined && dialIn.connected)) continue;
      this.dialIns.delete(key);
      await dialIn.close();
      this.parts.log.info('dialled no more', { door: key });
    }
    for (const [key, door] of wanted) {
      if (!door.active || this.dialIns.has(key)) continue;
      const { receiver } = this;
      const onProblem = (problem: CCATDataOperationError) => void this.dialFailed(key, problem);
      this.dialIns.set(key, new DialIn({ ...this.dialled(door), receiver, onProblem }));
      this.parts.log.info('dialled, since it can not dial here', { door: key });
    }
  }

  private async dialFailed(key: string, problem: CCATDataOperationError): Promise<void> {
    this.problems.tell(`dialling ${key} failed`, problem);
    // The other end only sees that nobody comes.
    if (problem instanceof ConfigurationError && this.problems.isNew(`${key}: ${problem.message}`))
      await this.parts.notifications.tell({
        level: 'critical',
        kind: 'stream_refused',
        subject: key,
        happened: problem.message,
        tried: 'It is dialled again by itself; nothing comes from there meanwhile.',
        advice: problem.advice,
      });
  }

  /** A door as a caller needs it: each call with the certificate that holds then. */
  private dialled(door: Door): Dialled {
    const identity = () => this.identity();
    identity();
    return {
      ...door,
      get identity() {
        return identity();
      },
    };
  }

  private openDoor({ name }: Route): StreamListener {
    this.identity();
    if (this.listener !== undefined) return this.listener;
    throw new ConfigurationError(
      `route ${name} says that connections are made to this site, and this worker listens nowhere`,
      {
        subject: name,
        advice: 'Set stream.listen for the worker that serves the buffers of this site (docs/operations.md).',
      },
    );
  }

  /** @throws ConfigurationError that says why there is none */
  private identity(): SiteCredentials {
    if (this.credentials !== undefined) return this.credentials;
    throw this.unusable ?? new ConfigurationError('the certificates were not read yet');
  }

  /** Takes up what is new and right; what can't be used leaves what was there before. */
  private async readCertificates(): Promise<void> {
    const { certificates, log } = this.parts;
    const { site } = this.parts.selection;
    try {
      if (site === undefined || certificates === undefined) throw noCertificates(site);
      const found = await certificates.credentials(site);
      const before = this.credentials;
      if (before !== undefined && isSame(found, before)) return;
      this.credentials = found;
      this.listener?.renew(found);
      if (before !== undefined) log.info('a new certificate is used from now on', { endsAt: found.endsAt });
    } catch (error) {
      if (!(error instanceof CCATDataOperationError)) throw error;
      this.unusable = error;
    }
  }
}

function isSame(one: SiteCredentials, other: SiteCredentials): boolean {
  return one.certificate === other.certificate && one.key === other.key && one.authority === other.authority;
}

function noCertificates(site: string | undefined): ConfigurationError {
  return site === undefined
    ? new ConfigurationError(
        'a worker of all sites serves no stream routes: it has no one site to speak for',
        {
          subject: 'stream.certificates',
          advice: 'Start a worker for each site: cdt worker --site SITE',
        },
      )
    : new ConfigurationError(`the worker of ${site} was not told where its certificates are`, {
        subject: 'stream.certificates',
        advice: 'Set stream.certificates: docs/operations.md tells how to make them.',
      });
}
