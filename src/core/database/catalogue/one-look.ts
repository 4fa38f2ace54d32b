import type { EntityManager } from 'typeorm';
import { row } from './sql.js';

/**
 * Asks several questions by one statement: their answers are of one moment, and the way to a catalogue that may be half a world away is
 * gone once.
 *
 * @param questions selects by the names that their answers are to have; numbers above 2^53 must be asked for as texts
 * @param parameters the same for all of them
 * @returns the rows of each, in their order; times as JSON has them
 */
export async function oneLook<Answers extends Record<keyof Answers, object>>(
  manager: EntityManager,
  questions: Record<keyof Answers, string>,
  parameters: unknown[],
): Promise<{ [K in keyof Answers]: Answers[K][] }> {
  const asked = Object.entries<string>(questions).map(
    ([name, question]) => `(select coalesce(json_agg(q), '[]') from (${question}) q) as "${name}"`,
  );
  const answers = await row<{ [K in keyof Answers]: Answers[K][] }>(
    manager,
    `select ${asked.join(',\n')}`,
    parameters,
  );
  return answers as { [K in keyof Answers]: Answers[K][] };
}
