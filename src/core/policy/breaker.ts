/**
 * Circuit breakers: a route or a store that keeps failing is left alone for a growing while and then probed by one piece of work.
 * Pure transitions; times are milliseconds.
 */

export const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;
export type BreakerState = (typeof BREAKER_STATES)[number];

/** - `closed`: it is used. - `open`: it is left alone. - `half_open`: one piece of work is probing it. */
export interface Breaker {
  state: BreakerState;
  /** In a row; 0 after each success. */
  failures: number;
  /** Times it opened since it was last closed: each doubles the while. */
  openings: number;
  /** When it was last closed for the last time: since then it is not used freely. */
  openedAt?: number;
  /** Open: when it is probed. Half open: when the probe that is under way is given up as lost. */
  nextProbeAt?: number;
  lastFailure?: BreakerFailure;
}

export interface BreakerFailure {
  /** Class name from `exceptions.ts`. */
  errorClass: string;
  message: string;
  at: number;
}

export interface BreakerRules {
  /** Failures in a row after which it opens. */
  failuresToOpen: number;
  /** How long it is left alone at first, and at most. */
  firstWaitSeconds: number;
  longestWaitSeconds: number;
  /** A probe that has told nothing for this long is taken for lost, and another one may begin. */
  probeSeconds: number;
}

export const CLOSED: Breaker = { state: 'closed', failures: 0, openings: 0 };

/** Each while is this share longer or shorter at random, so that what failed together is not probed together. */
const JITTER = 0.2;

export type Admission =
  { admitted: true; probe: boolean; breaker: Breaker } | { admitted: false; until: number };

/**
 * Whether work may begin. Whoever is admitted as the probe must store the breaker that comes with it before it begins.
 *
 * @param asked true where an operator has just said to try again: that is a probe whose time has come
 */
export function admit(breaker: Breaker, now: number, rules: BreakerRules, asked = false): Admission {
  if (breaker.state === 'closed') return { admitted: true, probe: false, breaker };
  const until = breaker.nextProbeAt ?? now;
  if (now < until && !asked) return { admitted: false, until };
  const nextProbeAt = now + rules.probeSeconds * 1000;
  return { admitted: true, probe: true, breaker: { ...breaker, state: 'half_open', nextProbeAt } };
}

/**
 * After a failure that speaks of the route or the store.
 *
 * @param atOnce true where trying again with nothing changed can't succeed, so that one failure is enough
 * @param random from 0 to 1
 */
export function afterFailure(
  breaker: Breaker,
  failure: BreakerFailure,
  rules: BreakerRules,
  options: { atOnce: boolean; random: number },
): Breaker {
  const failures = breaker.failures + 1;
  const failed = { ...breaker, failures, lastFailure: failure };
  // What began before it opened only confirms what is known: the while must not grow by it.
  if (breaker.state === 'open') return failed;
  if (breaker.state === 'closed' && failures < rules.failuresToOpen && !options.atOnce) return failed;
  const openings = breaker.openings + 1;
  return {
    ...failed,
    state: 'open',
    openings,
    openedAt: breaker.openedAt ?? failure.at,
    nextProbeAt: failure.at + waitSeconds(openings, rules, options.random) * 1000,
  };
}

/** After work went well, whoever did it. What had nothing to forget is the same object. */
export function afterSuccess(breaker?: Breaker): Breaker {
  return breaker?.state === 'closed' && breaker.failures === 0 ? breaker : CLOSED;
}

/** After a probe that ended and showed nothing of the route or the store: the next one may begin. */
export function afterNothing(breaker: Breaker, now: number): Breaker {
  return breaker.state === 'half_open' ? { ...breaker, state: 'open', nextProbeAt: now } : breaker;
}

/** Doubles with each opening, within the bound. */
function waitSeconds(openings: number, rules: BreakerRules, random: number): number {
  const { firstWaitSeconds, longestWaitSeconds } = rules;
  const grown = Math.min(firstWaitSeconds * 2 ** Math.min(openings - 1, 30), longestWaitSeconds);
  return Math.min(grown * (1 + JITTER * (2 * random - 1)), longestWaitSeconds);
}

/** What a piece of work waits for that was not admitted. Plain data; times are ISO 8601. */
export interface LeftAlone {
  kind: 'route' | 'store';
  name: string;
  /** Since when it is not used freely. */
  since: string;
  /** When it is probed, or the probe that is under way is given up. */
  until: string;
  failures: number;
  errorClass?: string;
  message?: string;
}

/** As {@link LeftAlone}, of a breaker that did not admit. */
export function leftAlone(
  { kind, name }: Pick<LeftAlone, 'kind' | 'name'>,
  { openedAt, failures, lastFailure }: Breaker,
  until: number,
): LeftAlone {
  const since = new Date(openedAt ?? lastFailure?.at ?? until).toISOString();
  const { errorClass, message } = lastFailure ?? {};
  return { kind, name, since, until: new Date(until).toISOString(), failures, errorClass, message };
}

/** As a sentence without its full stop. */
export function leftAloneInWords({ kind, name, until, failures, errorClass, message }: LeftAlone): string {
  const last = errorClass === undefined ? '' : ` (${errorClass}: ${message ?? ''})`;
  return `the ${kind} ${name} is left alone until ${until} after ${failures} failures in a row${last}`;
}

/** Why nothing new is planned over it now, as the end of a sentence; undefined when it may be used. `under`: pieces of work under way over it. */
export function whyLeftAlone(breaker: Breaker | undefined, now: number, under: number): string | undefined {
  if (breaker === undefined || breaker.state === 'closed') return undefined;
  const { failures, lastFailure, nextProbeAt = now } = breaker;
  const last = lastFailure === undefined ? '' : ` (${lastFailure.errorClass}: ${lastFailure.message})`;
  const because = `${failures} failures in a row${last}`;
  if (now < nextProbeAt && breaker.state === 'open')
    return `is left alone until ${new Date(nextProbeAt).toISOString()} after ${because}`;
  if (now < nextProbeAt || under > 0) return `is being probed after ${because}`;
  return undefined;
}
