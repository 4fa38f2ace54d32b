import type { SiteCredentials } from '../../core/certificates/certificate-directory.js';
import { ConfigurationError, type CCATDataOperationError } from '../../core/exceptions.js';
import type { Logger } from '../../core/logging.js';
import { keyOfDoor, type Door, type StreamEnds } from '../../core/policy/stream-ends.js';
import { DialIn } from '../../core/transport/stream/dial-in.js';
import { StreamListener } from '../../core/transport/stream/listener.js';
import type { StreamReceiver } from '../../core/transport/stream/receiver.js';

export interface DoorsParts {
  /** Where this worker listens, if it does. */
  listen: { host: string; port: number } | undefined;
  certificates: { readonly current: SiteCredentials };
  /** Who takes what others send. */
  receiver: StreamReceiver;
  log: Logger;
  onProblem: (problem: CCATDataOperationError, door?: Door) => void;
}

/** The door of this worker, by which others come in, and the doors elsewhere that it dials because those can't dial here. */
export class Doors {
  private readonly dialIns = new Map<string, DialIn>();
  private listener: Promise<StreamListener> | undefined;
  private shown: SiteCredentials | undefined;
  private isClosed = false;
  private hasTold = false;

  constructor(private readonly parts: DoorsParts) {}

  /**
   * Opens and closes doors, so that it is as the routes want it.
   *
   * @throws ConfigurationError where nothing can listen at the address
   */
  async follow(ends: StreamEnds): Promise<void> {
    this.dialThese(ends.dials);
    if (!ends.listens) return this.shut();
    if (this.parts.listen !== undefined) await this.own();
    else if (!this.hasTold) {
      this.hasTold = true;
      this.parts.log.info(
        'stream routes want this site to listen; this worker does not: stream.listen is not set',
      );
    }
  }

  /**
   * This worker's door, opened where it is not yet.
   *
   * @throws ConfigurationError where this worker listens nowhere, or can't
   */
  async own(): Promise<StreamListener> {
    const { listen, certificates, receiver, log, onProblem } = this.parts;
    if (listen === undefined || this.isClosed) throw listensNowhere();
    const identity = certificates.current;
    if (this.listener === undefined) {
      this.shown = identity;
      this.listener = StreamListener.open({ ...listen, identity, receiver, onProblem });
      this.listener.then(
        ({ port }) => log.info('other sites are listened to', { host: listen.host, port }),
        () => (this.listener = undefined),
      );
    }
    const listener = await this.listener;
    if (this.shown !== identity) listener.renew((this.shown = identity));
    return listener;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    const dialIns = [...this.dialIns.values()];
    this.dialIns.clear();
    await Promise.all([this.shut(), ...dialIns.map((one) => one.close())]);
  }

  private async shut(): Promise<void> {
    const listener = await this.listener?.catch(() => undefined);
    if (listener === undefined) return;
    this.listener = undefined;
    await listener.close();
    this.parts.log.info('other sites are listened to no more');
  }

  /** What is switched off is dialled as long as it stands: what is under way ends. */
  private dialThese(doors: StreamEnds['dials']): void {
    const wanted = new Map(doors.map((one) => [keyOfDoor(one), one]));
    for (const [key, dialIn] of this.dialIns) {
      const door = wanted.get(key);
      if (door?.active === true || (door !== undefined && dialIn.connected)) continue;
      this.dialIns.delete(key);
      void dialIn.close();
      this.parts.log.info('dialled no more', { door: key });
    }
    for (const [key, door] of wanted) {
      if (!door.active || this.dialIns.has(key) || this.isClosed) continue;
      this.dialIns.set(key, this.dial(door));
      this.parts.log.info('dialled, since it can not dial here', { door: key });
    }
  }

  private dial(door: Door): DialIn {
    const { certificates, receiver, onProblem } = this.parts;
    return new DialIn({
      ...door,
      // Each call with what is shown then.
      get identity() {
        return certificates.current;
      },
      receiver,
      onProblem: (problem) => onProblem(problem, door),
    });
  }
}

function listensNowhere(): ConfigurationError {
  return new ConfigurationError('connections should be made to this site, and this worker listens nowhere', {
    subject: 'stream.listen',
    advice: 'Set stream.listen for the worker that serves the buffers of this site (docs/operations.md).',
  });
}
