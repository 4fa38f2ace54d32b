import * as logs from './catalogue/transfer-logs.js';
import type { Transactions } from './transactions.js';

/** How each attempt of a transfer ended, and where its log lies. Throws as {@link Catalogue} does. */
export class TransferLogCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** Writes an attempt that is over down, once. */
  record(attempt: logs.AttemptRecord): Promise<void> {
    return this.transactions.write((manager) => logs.recordAttempt(manager, attempt));
  }

  /** The latest first, of all or of what a word names: a package, a bundle or a data transfer, by name or ID. */
  list(which: { word?: string; limit: number }): Promise<logs.TransferAttempt[]> {
    return this.transactions.read((manager) => logs.attempts(manager, which));
  }
}
