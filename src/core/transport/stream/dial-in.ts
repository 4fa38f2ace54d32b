import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CCATDataOperationError } from '../../exceptions.js';
import { dial, type Dialled } from './dial.js';
import type { StreamReceiver } from './receiver.js';
import { classifyTlsError } from './tls-errors.js';
import { revive } from './told-error.js';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

export interface DialInOptions extends Dialled {
  /** Who takes what is sent. */
  receiver: StreamReceiver;
  /** Told when the standing connection is lost or can't be made, and of data connections that went wrong. */
  onProblem?: (problem: CCATDataOperationError) => void;
  /** The first wait before dialling again, in milliseconds; each is twice the one before, up to a minute. */
  firstWaitMs?: number;
}

/**
 * A receiver that can't be dialled: keeps one standing connection to the listener of the sending site, for ever, and dials a data
 * connection each time that site calls for one.
 */
export class DialIn {
  readonly #options: DialInOptions;
  readonly #end = new AbortController();
  readonly #running: Promise<void>;
  #isConnected = false;

  constructor(options: DialInOptions) {
    this.#options = options;
    setMaxListeners(0, this.#end.signal); // every connection listens to it
    this.#running = this.#run();
  }

  /** Whether the other site can call us now. */
  get connected(): boolean {
    return this.#isConnected;
  }

  async close(): Promise<void> {
    this.#end.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#end;
    const { firstWaitMs = FIRST_WAIT_MS } = this.#options;
    for (let wait = firstWaitMs; !signal.aborted; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
      try {
        await this.#stand(() => (wait = firstWaitMs));
      } catch (error) {
        this.#tell(error);
      }
      // Not all at once after an outage.
      await sleep(wait * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Holds the standing connection while it lasts. */
  async #stand(onWelcome: () => void): Promise<void> {
    const { signal } = this.#end;
    const connection = await dial(this.#options, { role: 'standing' }, signal);
    const onAbort = () => connection.close();
    signal.addEventListener('abort', onAbort);
    try {
      for (let frame = await connection.next(); frame !== undefined; frame = await connection.next()) {
        if (frame.type === 'failed') throw revive(frame.header.error, connection.peer.name);
        if (frame.type === 'hello') {
          this.#isConnected = true;
          onWelcome();
        }
        if (frame.type === 'call') for (const ticket of frame.header.tickets) void this.#answer(ticket);
      }
    } finally {
      this.#isConnected = false;
      signal.removeEventListener('abort', onAbort);
      connection.close();
    }
  }

  async #answer(ticket: string): Promise<void> {
    const { signal } = this.#end;
    try {
      const connection = await dial(this.#options, { role: 'receiver', ticket }, signal);
      const onAbort = () => connection.close();
      signal.addEventListener('abort', onAbort);
      connection.onEnd(() => signal.removeEventListener('abort', onAbort));
      await this.#options.receiver.serve(connection);
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    if (!this.#end.signal.aborted) this.#options.onProblem?.(classifyTlsError(error, this.#options.site));
  }
}
