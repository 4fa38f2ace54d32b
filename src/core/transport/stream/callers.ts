import { randomBytes } from 'node:crypto';
import { NetworkError, PermanentError, ServiceUnavailableError } from '../../exceptions.js';
import { PROTOCOL } from './frames.js';
import type { StreamConnection } from './connection.js';

/** How long a call waits for somebody who can be called, and then for the connection. */
const ANSWER_MS = 30_000;

interface Call {
  site: string;
  resolve: (connection: StreamConnection) => void;
}

/** The receivers that dial in: who can be called for data connections, and which calls wait for one. */
export class Callers {
  readonly #standing = new Map<string, Set<StreamConnection>>();
  readonly #calls = new Map<string, Call>();
  /** Told when somebody new can be called. */
  readonly #waiting = new Set<() => void>();

  get sites(): string[] {
    return [...this.#standing.keys()];
  }

  /** Keeps a standing connection until it ends. */
  async keep(connection: StreamConnection): Promise<void> {
    const { site } = connection.peer;
    const ofSite = this.#standing.get(site) ?? new Set();
    this.#standing.set(site, ofSite.add(connection));
    connection.onEnd(() => {
      ofSite.delete(connection);
      if (ofSite.size === 0 && this.#standing.get(site) === ofSite) this.#standing.delete(site);
    });
    await connection.write('hello', { protocol: PROTOCOL, role: 'standing' });
    for (const tell of this.#waiting) tell();
    while ((await connection.next()) !== undefined);
  }

  /** Hands a data connection to the call that it answers. */
  answered(ticket: string | undefined, connection: StreamConnection): void {
    const call = ticket === undefined ? undefined : this.#calls.get(ticket);
    // A ticket is a secret between the two, and holds for its site alone.
    if (ticket === undefined || call?.site !== connection.peer.site)
      throw new PermanentError('nobody called for this connection', { subject: connection.peer.name });
    this.#calls.delete(ticket);
    call.resolve(connection);
  }

  /**
   * A data connection from this site.
   *
   * @throws NetworkError where nobody of the site keeps a connection to us, ServiceUnavailableError where nobody answers
   */
  async call(site: string, signal?: AbortSignal): Promise<StreamConnection> {
    const ticket = randomBytes(16).toString('hex');
    try {
      return await waitFor<StreamConnection>(signal, noAnswer(site), (resolve, reject) => {
        this.#calls.set(ticket, { site, resolve });
        this.#standingOf(site, signal)
          .then((standing) => standing.write('call', { tickets: [ticket] }))
          .catch((error: unknown) => reject(error as Error));
      });
    } finally {
      this.#calls.delete(ticket);
    }
  }

  /** Always the same as long as it stands: one transfer goes to one worker. */
  async #standingOf(site: string, signal: AbortSignal | undefined): Promise<StreamConnection> {
    const [standing] = this.#standing.get(site) ?? [];
    if (standing !== undefined) return standing;
    let tell: (() => void) | undefined;
    try {
      return await waitFor<StreamConnection>(signal, nobody(site), (resolve) => {
        tell = () => {
          const [come] = this.#standing.get(site) ?? [];
          if (come !== undefined) resolve(come);
        };
        this.#waiting.add(tell);
      });
    } finally {
      if (tell !== undefined) this.#waiting.delete(tell);
    }
  }
}

function waitFor<T>(
  signal: AbortSignal | undefined,
  late: Error,
  begin: (resolve: (value: T) => void, reject: (reason: Error) => void) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => end(() => reject(signal?.reason as Error));
    const timer = setTimeout(() => end(() => reject(late)), ANSWER_MS);
    const end = (act: () => void) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    signal?.addEventListener('abort', onAbort);
    begin(
      (value) => end(() => resolve(value)),
      (reason) => end(() => reject(reason)),
    );
  });
}

function nobody(site: string): NetworkError {
  return new NetworkError(`no worker of ${site} has dialled in here for ${ANSWER_MS / 1000} s`, {
    subject: site,
    advice: `Look at the worker of ${site}: it runs, it can reach this site's listener, and the route says that it dials.`,
  });
}

function noAnswer(site: string): ServiceUnavailableError {
  return new ServiceUnavailableError(`the worker of ${site} did not dial back within ${ANSWER_MS / 1000} s`, {
    subject: site,
    advice: `Look at the log of the worker of ${site}.`,
  });
}
