import { allReadWhole, largeTables, statementsOf } from '../test/support/query-plans.js';
import { questions, type Questions } from '../test/support/years/questions.js';
import type { BenchDocument, BenchOptions } from './harness.js';
import { withCatalogues, type SizedCatalogue } from './planning-catalogues.js';
import { JOURNEY, nameOf, planningDocument, type Timings } from './planning-document.js';

const SIZES = [10_000, 100_000, 1_000_000, 10_000_000];
/** Of one question in one round, one after the other: what counts is the mean. */
const ASKINGS = 20;
/** A table of fewer rows may be read whole for good reasons. */
const LARGE_ROWS = 10_000;

interface Asked extends SizedCatalogue {
  questions: Questions;
  timings: Timings;
}

/**
 * What planners, commands and calls ask of catalogues of 10^4 to 10^7 files, side by side on one server: the sizes take turns at each question. And
 * the plans of it: which large tables would be read whole.
 */
export async function planning({ only, contenders, runs, say }: BenchOptions): Promise<BenchDocument> {
  const sizes = SIZES.filter((size) => nameOf(size).includes(only));
  if (sizes.length === 0) return { bench: 'planning', cases: [], ratios: {} };
  return withCatalogues(sizes, say, async (catalogues) => {
    const asked = await Promise.all(
      catalogues.map(async (one) => ({
        ...one,
        questions: await questions(one.catalogue, one.at),
        timings: noTimings(),
      })),
    );
    await askAll(asked, 0);
    // That round filled caches, and counts for nothing.
    for (const one of asked) one.timings = noTimings();
    for (let round = 1; round <= runs; round++) {
      await askAll(asked, round);
      say(`  round ${round} of ${runs} asked`);
    }
    const readWhole = new Map<number, number>();
    for (const one of asked) readWhole.set(one.files, await plansThatReadWhole(one, say));
    // What files leave behind on their way changes some answers: they come last.
    for (let round = 1; round <= runs; round++)
      await takeTurns(asked, 'journey', JOURNEY, 1, (one) => one.questions.journey);
    return planningDocument(asked, readWhole, contenders);
  });
}

function noTimings(): Timings {
  return { planners: new Map(), others: new Map(), journey: new Map() };
}

/** To and fro, so that no size always comes after the same one. */
async function askAll(asked: Asked[], round: number): Promise<void> {
  const inTurn = round % 2 === 0 ? asked : asked.toReversed();
  for (const group of ['planners', 'others'] as const)
    for (const name of Object.keys(asked[0]!.questions[group]))
      await takeTurns(inTurn, group, name, ASKINGS, (one) => one.questions[group][name]!);
}

/** One question to each size. */
async function takeTurns(
  asked: Asked[],
  group: keyof Timings,
  name: string,
  times: number,
  questionOf: (one: Asked) => () => Promise<unknown>,
): Promise<void> {
  for (const one of asked) {
    const ask = questionOf(one);
    const begun = performance.now();
    for (let time = 0; time < times; time++) await ask();
    const seconds = (performance.now() - begun) / 1000 / times;
    one.timings[group].set(name, [...(one.timings[group].get(name) ?? []), seconds]);
  }
}

/** How many statements would read a large table whole; each is told. */
async function plansThatReadWhole(
  { files, dataSource, questions: { planners, others } }: Asked,
  say: (line: string) => void,
): Promise<number> {
  const large = await largeTables(dataSource, LARGE_ROWS);
  let plans = 0;
  for (const [name, ask] of Object.entries({ ...planners, ...others }))
    for (const one of await allReadWhole(dataSource, await statementsOf(dataSource, ask), large)) {
      plans += 1;
      say(`  ${nameOf(files)}, ${name} reads ${one}`);
    }
  return plans;
}
