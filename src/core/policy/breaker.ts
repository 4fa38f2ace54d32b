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

/** Whether work may begin. Whoever is admitted as the probe must store the breaker that comes with it before it begins. */
export function admit(breaker: Breaker, now: number, rules: BreakerRules): Admission {
  if (breaker.state === 'closed') return { admitted: true, probe: false, breaker };
  const until = breaker.nextProbeAt ?? now;
  if (now < until) return { admitted: false, until };
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

/** After work went well, whoever did it. */
export function afterSuccess(): Breaker {
  return CLOSED;
}

/** Doubles with each opening, within the bound. */
function waitSeconds(openings: number, rules: BreakerRules, random: number): number {
  const { firstWaitSeconds, longestWaitSeconds } = rules;
  const grown = Math.min(firstWaitSeconds * 2 ** Math.min(openings - 1, 30), longestWaitSeconds);
  return Math.min(grown * (1 + JITTER * (2 * random - 1)), longestWaitSeconds);
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
