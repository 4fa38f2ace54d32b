import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalogue } from '../../src/core/database/catalogue.js';
import { allReadWhole, largeTables, statementsOf } from '../support/query-plans.js';
import { loadYears } from '../support/years/load.js';
import { questions } from '../support/years/questions.js';
import { withCatalogue } from './support/database.js';

/**
 * What is asked of a catalogue of years: each statement that the planners, the commands and the way of a file send is planned by PostgreSQL, and
 * none reads from beginning to end one of the tables that grow.
 */

const FILES = 100_000;
/** Few, so that there are many packages: a table that is small enough is read whole for good reasons. */
const FILES_OF_PACKAGE = 5;
const LARGE_ROWS = 2000;
/** Tables that grow too, too slowly to be large here: it is seen what they would be asked by if they were. */
const GROWING_ROWS = 100;

/** Looked at whole, on purpose: the chain is checked entry by entry, and that none lies outside of it; all packages are listed. */
const READS_ALL = ['the whole audit log', 'all packages of a source'];

/**
 * Calls that none of the questions makes. They change or read what they are given the key of, or tables that stay small; whoever
 * adds a call names it here, or asks it in `test/support/years/questions.ts`.
 */
const NOT_ASKED = new Set([
  ...['ensureTopology', 'replaceTopology', 'removals', 'failPackage', 'rerouteTransfer', 'closeTransfer'],
  ...['reportProblem', 'resolveProblems', 'location'],
  ...['deletions.refuse', 'deletions.recordDoubt'],
  ...['fixity.recordUnanswered', 'fixity.recordSound', 'fixity.recordDamage', 'fixity.recordRepaired'],
  'fixity.recordInBuffer',
  ...['liveness.recordMeasurement', 'liveness.changeBreaker', 'liveness.resetBreaker'],
  ...['notifications.record', 'notifications.recordSent', 'notifications.recordNotSent'],
  ...['settings.set', 'settings.unset', 'stores.record', 'stores.contradicted', 'marks.record'],
  'staging.failItems',
]);

test('nothing that is asked of a catalogue of years reads a large table whole', { timeout: 240_000 }, (t) =>
  withCatalogue(async ({ dataSource, url }) => {
    const at = await loadYears(url, dataSource, {
      files: FILES,
      filesOfPackage: FILES_OF_PACKAGE,
      report: (line) => t.diagnostic(line),
    });
    const [large, growing] = [
      await largeTables(dataSource, LARGE_ROWS),
      await largeTables(dataSource, GROWING_ROWS),
    ];
    assert.ok(large.tables.has('raw_data_file') && growing.tables.has('staging_job'));
    const lookAt = async (name: string, act: () => Promise<unknown>) => {
      const sent = await statementsOf(dataSource, act);
      assert.ok(sent.length > 0 || name === 'the clock', `${name} asks the catalogue`);
      const found = [
        ...(await allReadWhole(dataSource, sent, large)),
        ...(await allReadWhole(dataSource, sent, growing, 'by looking up')),
      ];
      return [...new Set(found)].map((one) => `${name} reads ${one}`);
    };
    const asked = new Set<string>();
    const catalogue = noting(new Catalogue(dataSource), asked);
    const all = await questions(catalogue, at);
    const acts: Record<string, () => Promise<unknown>> = {
      ...all.planners,
      ...all.others,
      ...all.whole,
      'the way of a file': all.journey,
    };
    const whole: string[] = [];
    for (const [name, act] of Object.entries(acts)) {
      const found = await lookAt(name, act);
      if (!READS_ALL.includes(name)) whole.push(...found);
    }
    assert.deepEqual(whole, []);
    assert.deepEqual(
      callsOf(new Catalogue(dataSource)).filter((name) => !asked.has(name) && !NOT_ASKED.has(name)),
      [],
      'calls of the catalogue that are not asked here',
    );

    // That this can fail: without its index, the look for files to package is one over all files, and that for a job, one over all jobs.
    await dataSource.query(
      'drop index raw_data_file_to_package, raw_data_file_unfinished, raw_data_file_unpackaged, staging_job_by_workflow',
    );
    const packaging = await lookAt('packaging', acts['packaging']!);
    assert.ok(packaging.some((one) => one.includes('raw_data_file')));
    const jobs = await lookAt('a job', acts['a staging job by its workflow']!);
    assert.ok(jobs.some((one) => one.includes('all of staging_job:')));
  }),
);

/** The catalogue and its parts; which of their calls are made is noted. */
function noting(catalogue: Catalogue, asked: Set<string>): Catalogue {
  const wrap = <T extends object>(part: T, prefix: string): T =>
    new Proxy(part, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (typeof value === 'function') {
          asked.add(prefix + String(key));
          return (value as (...given: unknown[]) => unknown).bind(target);
        }
        return isPart(value) ? wrap(value, `${String(key)}.`) : value;
      },
    });
  return wrap(catalogue, '');
}

function callsOf(part: object, prefix = ''): string[] {
  const own = Object.getOwnPropertyNames(Object.getPrototypeOf(part) as object)
    .filter((name) => !['constructor', 'headBefore', 'sealAt'].includes(name))
    .map((name) => prefix + name);
  const parts = Object.entries(part).filter(([name, value]) => name !== 'transactions' && isPart(value));
  return [...own, ...parts.flatMap(([name, value]) => callsOf(value as object, `${name}.`))];
}

function isPart(value: unknown): value is object {
  return typeof value === 'object' && value !== null && value.constructor.name !== 'Object';
}
