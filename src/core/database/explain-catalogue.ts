import * as explain from './catalogue/explain.js';
import type { Transactions } from './transactions.js';

/** What the catalogue knows for someone who asks about one thing. Throws as {@link Catalogue} does. */
export class ExplainCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** Finds what a word names: a package, copy, data transfer, observation or file; at most 50. */
  findSubjects(word: string): Promise<explain.Subjects> {
    return this.transactions.read((manager) => explain.findSubjects(manager, word));
  }

  /** Undefined where a location is on. */
  switchedOff(site: string, location: string): ReturnType<typeof explain.switchedOff> {
    return this.transactions.read((manager) => explain.switchedOff(manager, site, location));
  }

  /** Undefined where no file of that execution waits. */
  execution(fileId: string, waitSeconds: number): ReturnType<typeof explain.executionOf> {
    return this.transactions.read((manager) => explain.executionOf(manager, fileId, waitSeconds));
  }

  /** @throws PermanentError if there is no such package */
  packageJourney(packageId: string): Promise<explain.PackageJourney> {
    return this.transactions.read((manager) => explain.packageJourney(manager, packageId));
  }
}
