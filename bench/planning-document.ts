import { median, round3, type BenchDocument, type CaseResult } from './harness.js';

/** Seconds of each question, round by round. */
export interface Timings {
  planners: Map<string, number[]>;
  others: Map<string, number[]>;
  journey: Map<string, number[]>;
}

/** What was measured of one size. */
export interface Measured {
  files: number;
  /** The catalogue's, on disk. */
  bytes: number;
  timings: Timings;
}

/** Contenders: each planner, and these. */
const PLANNERS = 'all planners';
const OTHERS = 'all commands and calls';
export const JOURNEY = 'the way of two files';

/** What the other sizes are compared with: large enough for indexes to be used. */
const BASE = 100_000;

export const nameOf = (files: number) => `10^${Math.round(Math.log10(files))} files`;

/**
 * The planners of each size one by one and in all, what commands and calls ask in all, and ratios of the sizes.
 *
 * @param readWhole by size, how many statements would read a large table whole
 */
export function planningDocument(
  measured: Measured[],
  readWhole: Map<number, number>,
  contenders: string[],
): BenchDocument {
  const cases = measured.flatMap((one) => casesOf(one, readWhole.get(one.files) ?? NaN));
  const base = measured.find(({ files }) => files === BASE);
  const compared = base === undefined ? [] : measured.filter((one) => one !== base);
  return {
    bench: 'planning',
    cases: cases.filter(({ contender }) => contenders.length === 0 || contenders.includes(contender)),
    ratios: Object.fromEntries(compared.flatMap((one) => ratiosOf(one, base!))),
  };
}

function casesOf({ files, bytes, timings }: Measured, plansThatReadWhole: number): CaseResult[] {
  const about = { case: nameOf(files), bytes, files };
  const milliseconds = [...timings.others].map(([name, seconds]) => [name, round3(median(seconds) * 1000)]);
  return [
    { ...about, contender: PLANNERS, seconds: sums(timings.planners), figures: { plansThatReadWhole } },
    ...[...timings.planners].map(([contender, seconds]) => ({ ...about, contender, seconds })),
    {
      ...about,
      contender: OTHERS,
      seconds: sums(timings.others),
      figures: Object.fromEntries(milliseconds) as Record<string, number>,
    },
    ...[...timings.journey].map(([contender, seconds]) => ({ ...about, contender, seconds })),
  ];
}

/** Times as long as in the base. */
function ratiosOf(one: Measured, base: Measured): [string, number][] {
  const name = (what: string) => `${what}, ${nameOf(one.files)} / ${nameOf(base.files)}`;
  const [planners, others] = [worst(one, base, 'planners'), worst(one, base, 'others')];
  return [
    [name(PLANNERS), times(sums(one.timings.planners), sums(base.timings.planners))],
    [name(`worst planner (${planners.question})`), planners.times],
    [name(OTHERS), times(sums(one.timings.others), sums(base.timings.others))],
    [name(`worst command or call (${others.question})`), others.times],
    ...[...one.timings.journey].map(([journey, seconds]): [string, number] => [
      name(journey),
      times(seconds, base.timings.journey.get(journey) ?? []),
    ]),
  ];
}

function worst(one: Measured, base: Measured, group: keyof Timings): { question: string; times: number } {
  const all = [...one.timings[group]].map(([question, seconds]) => ({
    question,
    times: times(seconds, base.timings[group].get(question) ?? []),
  }));
  return all.reduce((most, each) => (each.times > most.times ? each : most));
}

/** The median over the rounds, each compared within itself. */
function times(seconds: number[], others: number[]): number {
  return round3(median(seconds.map((each, round) => each / (others[round] ?? NaN))));
}

function sums(timings: Map<string, number[]>): number[] {
  const all = [...timings.values()];
  return (all[0] ?? []).map((_, round) => all.reduce((sum, seconds) => sum + (seconds[round] ?? NaN), 0));
}
