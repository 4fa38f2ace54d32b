import type { Finished } from './timed.js';

/** What a bench compares: several contenders at the same job, one after the other in each round. */
export interface Case {
  /** What the job is, as the table shows it. */
  name: string;
  /** Bytes and files of the job, the same for all. */
  bytes: number;
  files: number;
  contenders: Contender[];
}

export interface Contender {
  name: string;
  /** Why it can't take part, and what would help; the bench names it as missing. */
  missing?: string;
  /** Makes the job ready (fresh folders); its time does not count. */
  before?: (round: number) => Promise<void>;
  /** Does the job once; throws where it was not done rightly. */
  run: (round: number) => Promise<Finished>;
  /** Looks at what came of it, and clears it away; its time does not count. Throws where the job was not done rightly. */
  after?: (round: number) => Promise<void>;
}

/** One line of the document that `--json` writes. */
export interface CaseResult {
  case: string;
  contender: string;
  bytes: number;
  files: number;
  /** Wall time of each run. */
  seconds: number[];
  /** Of the median run. */
  bytesPerSecond?: number;
  /** User and system time of the contender's processes: the median. */
  cpuSeconds?: number;
  /** Of its largest process, in any run. */
  peakRssBytes?: number;
  /** It was cut after this many seconds: it is slower than the figures say. */
  cutAfterSeconds?: number;
  /** Why it took no part. */
  missing?: string;
  /** What else the bench measures: medians. */
  figures?: Record<string, number>;
}

export interface BenchDocument {
  bench: string;
  cases: CaseResult[];
  /** How many times the rate of another, or of a bound, by what is compared. */
  ratios: Record<string, number>;
}

export type Bench = (options: BenchOptions) => Promise<BenchDocument>;

export interface BenchOptions {
  /** Rounds that count. */
  runs: number;
  /** Cases whose name holds this text; all where it is empty. */
  only: string;
  /** Names of the contenders that take part; all where there are none. */
  contenders: string[];
  /** Tells people how it goes. */
  say: (line: string) => void;
  /** Ends it. */
  signal: AbortSignal;
}

/** Benches of one subject, as one. */
export function oneAfterTheOther(name: string, ...benches: Bench[]): Bench {
  return async (options) => {
    const joined: BenchDocument = { bench: name, cases: [], ratios: {} };
    for (const bench of benches) {
      const { cases, ratios } = await bench(options);
      joined.cases.push(...cases);
      Object.assign(joined.ratios, ratios);
    }
    return joined;
  };
}

/** @throws Error that names those who were asked for and whom a bench does not know */
export function requireKnown(asked: string[], contenders: string[]): void {
  const unknown = asked.filter((name) => !contenders.includes(name));
  if (unknown.length > 0)
    throw new Error(`no contender is called ${unknown.join(', ')}; there are ${contenders.join(', ')}`);
}

/**
 * Runs all contenders of each case in turn, A B C A B C ..., so that a machine whose speed drifts treats all alike. One that was cut
 * is not run again.
 */
export async function runCases(
  cases: Case[],
  { runs, only, contenders, say }: BenchOptions,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const one of cases.filter(({ name }) => name.includes(only))) {
    const entries = one.contenders
      .filter(({ name }) => contenders.length === 0 || contenders.includes(name))
      .map((contender) => ({ contender, finished: [] as Finished[] }));
    for (let round = 1; round <= runs; round++) {
      for (const { contender, finished } of entries) {
        if (contender.missing !== undefined || finished.some(({ cut }) => cut)) continue;
        await contender.before?.(round);
        const outcome = await contender.run(round);
        await contender.after?.(round);
        finished.push(outcome);
        const words = outcome.cut ? `cut after ${outcome.seconds} s` : `${outcome.seconds.toFixed(2)} s`;
        say(`  ${one.name}, ${contender.name}, run ${round} of ${runs}: ${words}`);
      }
    }
    results.push(...entries.map(({ contender, finished }) => summary(one, contender, finished)));
  }
  return results;
}

function summary({ name, bytes, files }: Case, contender: Contender, finished: Finished[]): CaseResult {
  const seconds = finished.map((one) => one.seconds);
  const about = { case: name, contender: contender.name, bytes, files, seconds };
  if (contender.missing !== undefined) return { ...about, missing: contender.missing };
  return {
    ...about,
    bytesPerSecond: bytes / median(seconds),
    cpuSeconds: median(finished.map((one) => one.cpuSeconds)),
    peakRssBytes: Math.max(...finished.map((one) => one.peakRssBytes)),
    cutAfterSeconds: finished.find(({ cut }) => cut)?.seconds,
  };
}

/**
 * How many times the rate of the other contender the one reached: the median over the rounds, each compared within itself. Undefined
 * where one of the two is missing. Against one that was cut it is a lower bound.
 */
export function ratio(results: CaseResult[], name: string, one: string, other: string): number | undefined {
  const of = (contender: string) =>
    results.find((result) => result.case === name && result.contender === contender)?.seconds ?? [];
  const [ours, theirs] = [of(one), of(other)];
  if (ours.length === 0 || theirs.length === 0) return undefined;
  // One that was cut has fewer rounds: its last time stands for the others.
  const last = theirs[theirs.length - 1] ?? NaN;
  return round3(median(ours.map((seconds, round) => (theirs[round] ?? last) / seconds)));
}

/** Keeps the ratios that are known. */
export function known(ratios: Record<string, number | undefined>): Record<string, number> {
  const entries = Object.entries(ratios).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? NaN : (low + high) / 2;
}

export function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
