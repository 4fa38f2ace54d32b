import { setMaxListeners } from 'node:events';
import { workContext } from '../decorators.js';
import { printable } from '../utilities/printable.js';
import type { SshTarget } from '../utilities/ssh-settings.js';
import { SftpConnection } from './sftp-connection.js';

/** OpenSSH's server drops connections at random once ten have not shown their key yet (`MaxStartups 10:30:100`). */
const OPENING_AT_ONCE = 8;

/** One server is not asked for more, however many files are on their way; each file has one in any case. */
const MOST_CONNECTIONS = 16;

/** The connections to one server: kept for the next file, used by one send at a time. */
export class SftpPool {
  readonly #target: SshTarget;
  readonly #inUse = new Set<SftpConnection>();
  readonly #idle: SftpConnection[] = [];
  readonly #queue: (() => void)[] = [];
  /** Who waits for another one. */
  readonly #waiting: (() => void)[] = [];
  #opening = 0;

  constructor(target: SshTarget) {
    this.#target = target;
  }

  /** One that is kept, or a new one; see {@link SftpConnection.open} for what is thrown. */
  async take(signal?: AbortSignal): Promise<SftpConnection> {
    const kept = this.#kept() ?? (await this.#open(signal));
    this.#inUse.add(kept);
    return kept;
  }

  /** One more for a file that has one: waits while there are enough, until another file is done with its own. */
  async takeAnother(signal: AbortSignal): Promise<SftpConnection> {
    while (this.#inUse.size + this.#opening + this.#queue.length >= MOST_CONNECTIONS) {
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.#waiting.push(wake);
        signal.addEventListener('abort', wake);
      });
    }
    return this.take(signal);
  }

  give(connection: SftpConnection): void {
    this.#inUse.delete(connection);
    this.#idle.push(connection);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  close(): void {
    for (const connection of [...this.#inUse, ...this.#idle.splice(0)]) connection.close();
  }

  #kept(): SftpConnection | undefined {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      if (!kept.broken) return kept;
    }
    return undefined;
  }

  async #open(signal?: AbortSignal): Promise<SftpConnection> {
    if (this.#opening >= OPENING_AT_ONCE) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#opening += 1;
    try {
      signal?.throwIfAborted();
      return await SftpConnection.open(this.#target, signal);
    } finally {
      // Whoever waits longest has this turn.
      const next = this.#queue.shift();
      if (next === undefined) this.#opening -= 1;
      else next();
    }
  }
}

/** The connections of one send: one from the start, more that open meanwhile for a large file. */
export class SftpLease {
  /** Undefined where the server gives none, or the send is over: the send goes on with those that it has. */
  readonly more: Promise<SftpConnection | undefined>[];
  readonly #taken: SftpConnection[] = [];
  readonly #growth = new AbortController();

  private constructor(
    private readonly pool: SftpPool,
    readonly first: SftpConnection,
    more: number,
  ) {
    // All that are being opened listen to it, which is no leak.
    setMaxListeners(0, this.#growth.signal);
    this.more = Array.from({ length: more }, () => this.#another());
  }

  /**
   * Runs a send with a lease, whose connections break when its signal is aborted: nothing else surely ends what is on the line.
   *
   * @param more how many connections besides the first are of use
   */
  static async around<T>(
    pool: SftpPool,
    { signal, more }: { signal: AbortSignal | undefined; more: number },
    act: (lease: SftpLease) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    // The others only now: a key that is refused must not look like an attack.
    const lease = new SftpLease(pool, await pool.take(signal), more);
    const onAbort = () => lease.#fail(signal?.reason as Error);
    signal?.addEventListener('abort', onAbort);
    try {
      return await act(lease);
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', onAbort);
      await lease.#end();
    }
  }

  /** No more connections are opened from now on. */
  stopGrowing(): void {
    this.#growth.abort(new Error('the send has ended'));
  }

  async #another(): Promise<SftpConnection | undefined> {
    try {
      const connection = await this.pool.takeAnother(this.#growth.signal);
      this.#taken.push(connection);
      return connection;
    } catch (error) {
      if (!this.#growth.signal.aborted)
        workContext()?.note?.(`goes on with a connection fewer: ${printable((error as Error).message)}`);
      return undefined;
    }
  }

  #fail(reason: Error): void {
    this.stopGrowing();
    for (const connection of [this.first, ...this.#taken]) connection.fail(reason);
  }

  async #end(): Promise<void> {
    this.stopGrowing();
    await Promise.all(this.more);
    for (const connection of [this.first, ...this.#taken]) this.pool.give(connection);
  }
}
