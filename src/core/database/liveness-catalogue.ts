import type { Breaker } from '../policy/breaker.js';
import type { DiskFacts } from '../policy/buffer-space.js';
import type { DiskRules } from '../policy/disk-level.js';
import * as breakers from './catalogue/breakers.js';
import * as measurements from './catalogue/measurements.js';
import * as verdicts from './catalogue/verdicts.js';
import type { Transactions } from './transactions.js';

/** How full disks are, which routes and stores are left alone, and why planners wait. Throws as {@link Catalogue} does. */
export class LivenessCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** The last measurement of each location that was ever measured. */
  measurements(): Promise<measurements.Measurement[]> {
    return this.transactions.read((manager) => measurements.measurements(manager));
  }

  recordMeasurement(
    locationId: string,
    found: measurements.NewMeasurement,
    options: { rules: DiskRules; rateWindowSeconds: number },
  ): Promise<{ before?: measurements.Measurement; now: measurements.Measurement }> {
    return this.transactions.write((manager) =>
      measurements.recordMeasurement(manager, locationId, found, options),
    );
  }

  /** What is known of each disk that was measured, by the ID of its location. */
  disks(policy: measurements.DiskPolicy): Promise<Map<string, DiskFacts>> {
    return this.transactions.read((manager) => measurements.diskFacts(manager, policy));
  }

  /** The breakers that have ever had to count a failure. */
  breakers(): Promise<breakers.NamedBreaker[]> {
    return this.transactions.read((manager) => breakers.breakers(manager));
  }

  /**
   * Changes a breaker by a transition, which may be asked twice; what it was and what it is then. One that changes nothing, as nearly all do,
   * is a look and waits for nobody.
   */
  async changeBreaker(
    subject: breakers.BreakerSubject,
    change: (breaker: Breaker) => Breaker,
  ): Promise<{ before: Breaker; after: Breaker }> {
    const before = await this.transactions.read((manager) => breakers.breaker(manager, subject));
    if (change(before) === before) return { before, after: before };
    return this.transactions.write((manager) => breakers.changeBreaker(manager, subject, change));
  }

  /** What every planner that left work undone found when it looked last. */
  waitingVerdicts(): Promise<verdicts.PlannerVerdict[]> {
    return this.transactions.read((manager) => verdicts.waitingVerdicts(manager));
  }

  /**
   * Closes a breaker by an operator's word; what it was.
   *
   * @throws ConfigurationError where nothing of this name has ever failed
   */
  resetBreaker(subject: breakers.BreakerSubject, word: { by: string; reason: string }): Promise<Breaker> {
    return this.transactions.write((manager) => breakers.resetBreaker(manager, subject, word));
  }

  /** What a planner found when it looked last; undefined where it never looked. */
  verdict(plannerId: string): Promise<verdicts.PlannerVerdict | undefined> {
    return this.transactions.read((manager) => verdicts.verdict(manager, plannerId));
  }
}
