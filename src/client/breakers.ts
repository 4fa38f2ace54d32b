import type { Client } from '@temporalio/client';
import type { BreakerKind, BreakerSubject } from '../core/database/catalogue/breakers.js';
import type { Catalogue } from '../core/database/catalogue.js';
import { ConfigurationError } from '../core/exceptions.js';
import type { Breaker } from '../core/policy/breaker.js';
import { wakeWaiting } from '../worker/wake-waiting.js';

/** A breaker as it is shown. Times are ISO 8601. */
export interface ShownBreaker {
  kind: BreakerKind;
  name: string;
  state: Breaker['state'];
  /** In a row. */
  failures: number;
  /** Since when it is not used freely. */
  since?: string;
  /** When it is probed, or the probe that is under way is given up. */
  nextProbeAt?: string;
  lastFailure?: { errorClass: string; message: string; at: string };
}

/** The breakers of all routes and stores that have ever failed, those that are left alone first. */
export async function breakers(catalogue: Catalogue): Promise<ShownBreaker[]> {
  const found = await catalogue.liveness.breakers();
  return found
    .map(({ kind, name, breaker }) => ({
      kind,
      name,
      state: breaker.state,
      failures: breaker.failures,
      since: iso(breaker.openedAt),
      nextProbeAt: iso(breaker.nextProbeAt),
      lastFailure: breaker.lastFailure && {
        ...breaker.lastFailure,
        at: new Date(breaker.lastFailure.at).toISOString(),
      },
    }))
    .sort((a, b) => Number(a.state === 'closed') - Number(b.state === 'closed'));
}

/**
 * Lets a route or a store be used at once, and tells what waits for it.
 *
 * @returns how many journeys were told
 * @throws ConfigurationError where there is no such breaker
 */
export async function resetBreaker(
  catalogue: Catalogue,
  client: Client,
  subject: BreakerSubject,
  word: { by: string; reason: string },
): Promise<number> {
  await catalogue.liveness.resetBreaker(subject, word);
  return wakeWaiting(client, subject);
}

/**
 * A breaker as it is written: `route/<name>` or `store/<site>.<location>`.
 *
 * @throws ConfigurationError for anything else
 */
export function breakerNamed(text: string): BreakerSubject {
  const [kind, ...rest] = text.split('/');
  const name = rest.join('/');
  if ((kind === 'route' || kind === 'store') && name !== '') return { kind, name };
  throw new ConfigurationError(`"${text}" names no breaker`, {
    subject: text,
    advice: 'Write route/<name> or store/<site>.<location>; `cdt breakers` lists them.',
  });
}

function iso(milliseconds: number | undefined): string | undefined {
  return milliseconds === undefined ? undefined : new Date(milliseconds).toISOString();
}
