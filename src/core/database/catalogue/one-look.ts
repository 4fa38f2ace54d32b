import type { EntityManager } from 'typeorm';
import { plannedOnce } from '../planned-once.js';
import { row } from './sql.js';

/**
 * Several questions as one statement, which each connection plans once: their answers are of one moment, and the way to a catalogue that may be half a
 * world away is gone once.
 *
 * @param questions selects by the names that their answers are to have, which look rows up by keys; numbers above 2^53 must be asked for as texts
 * @returns asks them, with the same parameters for all, and gives the rows of each in their order; times as JSON has them
 */
export function oneLook<Answers extends Record<keyof Answers, object>>(
  questions: Record<keyof Answers, string>,
): (manager: EntityManager, parameters: unknown[]) => Promise<{ [K in keyof Answers]: Answers[K][] }> {
  const asked = Object.entries<string>(questions).map(
    ([name, question]) => `(select coalesce(json_agg(q), '[]') from (${question}) q) as "${name}"`,
  );
  const statement = plannedOnce(`select ${asked.join(',\n')}`);
  return async (manager, parameters) => {
    const answers = await row<{ [K in keyof Answers]: Answers[K][] }>(manager, statement, parameters);
    return answers as { [K in keyof Answers]: Answers[K][] };
  };
}
