import type { WhyKept } from '../policy/left-over.js';
import { giveUpLeftOver, leftOversAmong, type LeftOver } from './catalogue/left-overs.js';
import type { Transactions } from './transactions.js';

/** Packages that lie in buffers where nobody recorded them. Throws as {@link Catalogue} does. */
export class LeftOversCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** Those of the names that are packages of which no copy is there at this location. */
  among(locationId: string, names: readonly string[]): Promise<string[]> {
    return this.transactions.read((manager) => leftOversAmong(manager, locationId, names));
  }

  /** Writes down that it is removed, which is to be done at once; or why it stays, and nothing is written then. */
  giveUp(leftOver: LeftOver): Promise<WhyKept | undefined> {
    return this.transactions.write((manager) => giveUpLeftOver(manager, leftOver));
  }
}
