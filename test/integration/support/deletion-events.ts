import fc from 'fast-check';

/** What can happen to a package and its copies, in any order. */

const MEANWHILE = ['nothing', 'hold', 'switch off', 'found bad'] as const;
export type Meanwhile = (typeof MEANWHILE)[number];

export const PLACES = ['chai', 'buffer', 'arrival'] as const;
export type PlaceName = (typeof PLACES)[number];

/** One run of a deletion, as far as it is about one place. */
export interface Run {
  place: PlaceName;
  /** Whether the archives were asked for their copies just now. */
  asked: boolean;
  /** Attempts of each activity, at once. */
  attempts: 1 | 2;
  /** Where the worker is killed. */
  killed: 'never' | 'after the mark' | 'before the record';
  /** What others do, and when. */
  meanwhile: Meanwhile;
  when: 'while it begins' | 'after the mark';
}

const SIMPLE = [
  'second archive',
  'same domain',
  'other domain',
  'rots',
  'rots',
  'put back',
  'days pass',
  'clock ahead',
  'altered',
  'vanishes',
  'long grace',
  'hold',
  'release',
  'switch off',
  'switch on',
  'found bad',
  'two required',
  'one required',
] as const;

export type DeletionEvent = (typeof SIMPLE)[number] | Run;

const run: fc.Arbitrary<Run> = fc.record({
  place: fc.constantFrom(...PLACES),
  asked: fc.boolean(),
  attempts: fc.constantFrom(1, 1, 1, 2),
  killed: fc.constantFrom('never', 'never', 'after the mark', 'before the record'),
  meanwhile: fc.constantFrom('nothing', ...MEANWHILE),
  when: fc.constantFrom('while it begins', 'after the mark'),
});

/** What only frees. */
export const PLAIN_RUNS: Run[] = PLACES.map((place) => ({
  place,
  asked: true,
  attempts: 1,
  killed: 'never',
  meanwhile: 'nothing',
  when: 'after the mark',
}));

/** How it may stand at first: how many copies there are, in which domains, how many are required, and what happened to them. */
const beginnings: fc.Arbitrary<DeletionEvent[]> = fc
  .tuple(
    fc.subarray<DeletionEvent>(['second archive', 'same domain', 'two required']),
    fc.subarray<DeletionEvent>(['rots']),
    fc.option(run),
  )
  .map(([simple, rots, first]) => [...simple, ...(first === null ? [] : [first]), ...rots]);

/** Any events in any order, a deletion among them now and then, and one at their end. */
export const sequences: fc.Arbitrary<DeletionEvent[]> = fc
  .tuple(
    beginnings,
    fc.array(fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...SIMPLE) }, { weight: 1, arbitrary: run }), {
      maxLength: 5,
    }),
    run,
  )
  .map(([first, events, last]) => [...first, ...events, last]);
