import type { BreakerSubject } from './database/catalogue/breakers.js';
import type { LivenessCatalogue } from './database/liveness-catalogue.js';
import { CCATDataOperationError, DatabaseError } from './exceptions.js';
import type { Logger } from './logging.js';
import type { Notifications } from './notification-service.js';
import {
  admit,
  afterFailure,
  afterNothing,
  afterSuccess,
  leftAlone,
  leftAloneInWords,
  type Breaker,
  type BreakerRules,
  type LeftAlone,
} from './policy/breaker.js';
import { isForGood, kindOfFailure } from './policy/failure-kinds.js';
import type { SettingPlace, Settings } from './settings-manager.js';

/** Longest message of a failure that is kept with a breaker. */
const MESSAGE_LENGTH = 500;

/** A route or a store, and the place whose settings hold for it: a route's origin, the store itself. */
export interface Way extends BreakerSubject {
  place: SettingPlace;
}

/** Which routes and stores are left alone for now: one breaker for each, shared by all workers through the catalogue. */
export interface Breakers {
  /**
   * Asks whether work over a route or a store may begin. Whoever begins must tell how it went.
   *
   * @param asked true where an operator has just said to try again
   */
  admit(way: Way, asked?: boolean): Promise<{ admitted: true } | { admitted: false; leftAlone: LeftAlone }>;
  /** Tells that it works. */
  succeeded(way: Way): Promise<void>;
  /**
   * Tells how work failed; only what speaks of the route or the store itself counts, and undefined for what does not.
   *
   * @returns how it is left alone from now on; undefined where it is not
   */
  failed(way: Way, error: unknown): Promise<LeftAlone | undefined>;
}

/** The {@link Breakers} of a worker. While the catalogue is away everything is admitted and nothing is counted: that must hold up no work. */
export class BreakerService implements Breakers {
  constructor(
    private readonly parts: {
      catalogue: Pick<LivenessCatalogue, 'changeBreaker'>;
      settings: Settings;
      notifications: Notifications;
      log: Logger;
      /** Told of a route or a store that is used again, so that what waits for it goes on at once. Never fails. */
      onUsedAgain: (subject: BreakerSubject) => Promise<void>;
    },
    private readonly now: () => number = Date.now,
    private readonly random: () => number = Math.random,
  ) {}

  async admit(
    way: Way,
    asked = false,
  ): Promise<{ admitted: true } | { admitted: false; leftAlone: LeftAlone }> {
    const rules = await this.rules(way.place);
    let until: number | undefined;
    const changed = await this.change(way, (breaker) => {
      const admission = admit(breaker, this.now(), rules, asked);
      until = admission.admitted ? undefined : admission.until;
      return admission.admitted ? admission.breaker : breaker;
    });
    if (changed === undefined || until === undefined) return { admitted: true };
    return { admitted: false, leftAlone: leftAlone(way, changed.after, until) };
  }

  async succeeded(way: Way): Promise<void> {
    const changed = await this.change(way, afterSuccess);
    if (changed === undefined || changed.before.state === 'closed') return;
    await this.parts.notifications.tell({
      level: 'info',
      kind: 'breaker_closed',
      subject: `${way.kind} ${way.name}`,
      happened: `the ${way.kind} ${way.name} works again and is used as before`,
      resolves: 'breaker_opened',
    });
    await this.parts.onUsedAgain({ kind: way.kind, name: way.name });
  }

  async failed(way: Way, error: unknown): Promise<LeftAlone | undefined> {
    if (kindOfFailure(error) !== 'way' || !(error instanceof CCATDataOperationError)) {
      await this.change(way, (breaker) => afterNothing(breaker, this.now()));
      return undefined;
    }
    const rules = await this.rules(way.place);
    const atOnce = isForGood(error);
    const changed = await this.change(way, (breaker) => {
      const failure = {
        errorClass: error.name,
        message: error.message.slice(0, MESSAGE_LENGTH),
        at: this.now(),
      };
      return afterFailure(breaker, failure, rules, { atOnce, random: this.random() });
    });
    if (changed === undefined || changed.after.state === 'closed') return undefined;
    const alone = leftAlone(way, changed.after, changed.after.nextProbeAt ?? this.now());
    if (changed.before.state === 'closed') await this.tellOpened(way, alone, error);
    return alone;
  }

  private async tellOpened(way: Way, alone: LeftAlone, error: CCATDataOperationError): Promise<void> {
    const reset = `\`cdt breakers\` lists what is left alone; \`cdt breakers reset ${way.kind}/${way.name} --reason ...\` lets it be used at once.`;
    await this.parts.notifications.tell({
      level: isForGood(error) ? 'critical' : 'warning',
      kind: 'breaker_opened',
      subject: `${way.kind} ${way.name}`,
      happened: leftAloneInWords(alone),
      tried:
        'It is probed by itself, after a while that grows; meanwhile the work goes another way where there is one.',
      advice: error.advice === undefined ? reset : `${error.advice} ${reset}`,
    });
  }

  private async rules(place: SettingPlace): Promise<BreakerRules> {
    const { settings } = this.parts;
    return {
      failuresToOpen: await settings.get('liveness.breaker_failures', place),
      firstWaitSeconds: await settings.get('liveness.breaker_first_wait_seconds', place),
      longestWaitSeconds: await settings.get('liveness.breaker_longest_wait_seconds', place),
      probeSeconds: await settings.get('liveness.breaker_probe_seconds', place),
    };
  }

  private async change(
    { kind, name }: BreakerSubject,
    by: (breaker: Breaker) => Breaker,
  ): Promise<{ before: Breaker; after: Breaker } | undefined> {
    try {
      return await this.parts.catalogue.changeBreaker({ kind, name }, by);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      this.parts.log.warn('a breaker can not be asked or told: the catalogue is away', { kind, name, error });
      return undefined;
    }
  }
}
