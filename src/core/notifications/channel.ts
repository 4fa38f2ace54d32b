import type { OutgoingMessage } from './notice.js';
import type { Wording } from './wording.js';

/** A way to people. */
export interface Channel {
  readonly name: string;
  /**
   * Hands a message over. Safe to call again with the same message: where the receiver can tell, it is shown once.
   *
   * @returns what the receiver answered, for people
   * @throws NetworkError, ServiceUnavailableError (with the wait that the receiver asks for) or PermanentError; never with a secret in it
   */
  send(message: OutgoingMessage, words: Wording): Promise<string>;
}

/** Longest that a receiver may take to answer, in milliseconds. */
export const SEND_TIMEOUT_MS = 20_000;
