import { ownSite } from './identity.js';
import { dial, type Dialled } from './dial.js';
import type { StreamConnection } from './connection.js';
import type { StreamListener } from './listener.js';

/** Where a sender gets its data connections from. */
export interface StreamConnections {
  /** The other end, for messages. */
  readonly peer: string;
  /**
   * One more data connection on which `hello` was said as the sender.
   *
   * @param location the destination's name, as in `cologne.buffer`
   * @throws ConfigurationError, NetworkError, ServiceUnavailableError
   */
  open(location: string, signal?: AbortSignal): Promise<StreamConnection>;
}

/** The sender dials: the receiving site has a listener. */
export class DialledConnections implements StreamConnections {
  readonly peer: string;
  readonly #target: Dialled;

  constructor(target: Dialled) {
    ownSite(target.identity);
    this.#target = target;
    this.peer = `${target.site} at ${target.host}:${target.port}`;
  }

  open(location: string, signal?: AbortSignal): Promise<StreamConnection> {
    return dial(this.#target, { role: 'sender', location }, signal);
  }
}

/** The receiver dials, because only the sender's site can be reached: called for over the connection that it keeps to our listener. */
export class AwaitedConnections implements StreamConnections {
  readonly peer: string;

  constructor(
    private readonly listener: StreamListener,
    private readonly site: string,
  ) {
    this.peer = `${site}, which dials in`;
  }

  open(location: string, signal?: AbortSignal): Promise<StreamConnection> {
    return this.listener.call(this.site, location, signal);
  }
}
