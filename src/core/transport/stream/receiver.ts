import { letBytesPass } from '../../utilities/heap-growth.js';
import type { StreamConnection } from './connection.js';
import type { HeaderOf } from './frames.js';
import { BufferPool } from './buffer-pool.js';
import { MIB } from './frames.js';
import { Reception } from './reception.js';

/** Buffers of all connections together: 64 streams with a mebibyte each. */
const MEMORY_BYTES = 64 * MIB;

export interface ReceiverOptions {
  /**
   * The directory of a location of ours, for what a site sends to it. Asked for each connection and for each file.
   *
   * @param asked.location as in `cologne.buffer`
   * @param asked.from the site at the other end, as its certificate says
   * @throws a class of exceptions.ts, which the sender then gets: ConfigurationError where there is no such location or no route to it
   */
  directoryOf: (asked: { location: string; from: string }) => Promise<string>;
  /** Bytes of buffers for what has come and is not written yet; 64 MiB where nothing is said, and never less than 8. */
  memoryBytes?: number;
}

/** Takes what others send, over any number of connections, into the directories of our locations. */
export class StreamReceiver {
  readonly #options: ReceiverOptions;
  readonly #buffers: BufferPool;

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#buffers = new BufferPool(options.memoryBytes ?? MEMORY_BYTES);
  }

  /**
   * Serves a data connection to its end.
   *
   * @param hello of the sender, where it was read already
   * @throws what ended it, other than a goodbye; the other end has been told
   */
  async serve(connection: StreamConnection, hello?: HeaderOf<'hello'>): Promise<void> {
    const end = letBytesPass();
    try {
      await new Reception(connection, this.#options.directoryOf, this.#buffers).run(hello);
    } finally {
      end();
    }
  }
}
