import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Dependencies } from '../../../src/activities/dependencies.js';
import {
  makeArchiveActivities,
  type ArchivedPackage,
} from '../../../src/activities/long-term-archive-transfer.js';
import type { StoredCopy } from '../../../src/core/database/records.js';
import { DatabaseError } from '../../../src/core/exceptions.js';

const INPUT = { packageId: 'one', archive: { site: 'b', location: 'lta' } };
const BYTES = 1000;
const DIGEST = 'd'.repeat(64);
const PACKAGE = {
  id: 'one',
  name: 'one',
  executedObsUnit: 'night',
  instrumentModule: 'camera',
  createdAt: '2026-12-01T00:00:00.000Z',
  sourceLocation: { site: 'a', name: 'instrument' },
};

/** An archive that counts what is stored and read, and a catalogue that may be away when it is told. */
function archiving() {
  const seen = {
    stored: 0,
    read: 0,
    recorded: [] as StoredCopy[],
    woken: [] as string[],
    away: false,
    unreachable: false,
  };
  const copy = {
    bytes: BYTES,
    sha256: DIGEST,
    path: 'one.tar',
    location: { site: 'b', name: 'buffer', path: '/buffer' },
  };
  const place = { site: 'b', location: 'buffer' };
  const dependencies = {
    catalogue: {
      location: () =>
        seen.unreachable
          ? Promise.reject(new DatabaseError('unreachable'))
          : Promise.resolve({ id: 'lta', site: 'b', name: 'lta' }),
      locations: () => Promise.resolve([]),
      routes: () => Promise.resolve([]),
      archivedCopy: () => Promise.resolve(seen.recorded[0]),
      archiveOrder: () => Promise.resolve({ copy, package: PACKAGE, provenance: {} }),
      recordArchived: (_package: string, _archive: string, stored: StoredCopy) => {
        if (seen.away) return Promise.reject(new DatabaseError('away'));
        seen.recorded.push(stored);
        return Promise.resolve();
      },
      deletions: { placeToFree: () => Promise.resolve(place) },
    },
    settings: { get: () => Promise.resolve(100) },
    breakers: {
      admit: () => Promise.resolve({ admitted: true }),
      succeeded: () => Promise.resolve(),
      failed: () => Promise.resolve(),
    },
    reportProgress: () => undefined,
    wakePlanner: (operation: string, { site, location }: typeof place) =>
      Promise.resolve(void seen.woken.push(`${operation} ${site}.${location}`)),
    archiveStore: () => ({
      prepare: () => Promise.resolve(),
      put: () => Promise.resolve(((seen.stored += 1), { versionId: 'v1' })),
      putJson: () => Promise.resolve(),
      readBack: () => Promise.resolve(((seen.read += 1), { bytes: BYTES, sha256: DIGEST, ranges: [] })),
    }),
  } as unknown as Dependencies;
  return { seen, activities: makeArchiveActivities(dependencies) };
}

/** Runs an attempt in which an earlier one left this in its heartbeat; what it left itself is its last heartbeat. */
async function attempt({ activities }: ReturnType<typeof archiving>, heartbeatDetails?: unknown) {
  const environment = new MockActivityEnvironment({ heartbeatDetails });
  const left: unknown[] = [];
  environment.on('heartbeat', (details: unknown) => left.push(details));
  const answer = await environment
    .run<[], ArchivedPackage, () => Promise<ArchivedPackage>>(() => activities.archivePackage(INPUT))
    .catch((error: unknown) => ({ error }));
  return { answer, left: left.at(-1) };
}

test('a package is stored, read back and recorded by one activity, and planners hear of it', async () => {
  const bench = archiving();
  const { answer } = await attempt(bench);
  assert.ok('recorded' in answer && answer.recorded === true);
  const { seen } = bench;
  assert.deepEqual([seen.stored, seen.read], [1, 1]);
  assert.deepEqual(
    seen.recorded.map(({ key, bytes, sha256, versionId }) => [key, bytes, sha256, versionId]),
    [['camera/2026/12/one.tar', BYTES, DIGEST, 'v1']],
  );
  assert.deepEqual(seen.woken, ['deletion b.buffer']);
});

test('what was stored and read back while the catalogue was away is not stored again, only recorded', async () => {
  const bench = archiving();
  const { seen } = bench;
  seen.away = true;
  const first = await attempt(bench);
  assert.ok('error' in first.answer && first.answer.error instanceof DatabaseError);
  const second = await attempt(bench, first.left);
  assert.ok('error' in second.answer);
  seen.away = false;
  const third = await attempt(bench, second.left);
  assert.ok('recorded' in third.answer);
  assert.deepEqual([seen.stored, seen.read, seen.recorded.length], [1, 1, 1]);
  assert.deepEqual(third.answer, { ...seen.recorded[0], recorded: true });
});

test('what an attempt recorded that died before it could say so is not stored again, and planners hear of it', async () => {
  const bench = archiving();
  const { answer: said } = await attempt(bench);
  const { answer } = await attempt(bench);
  const { seen } = bench;
  assert.deepEqual(answer, said);
  assert.deepEqual([seen.stored, seen.read], [1, 1]);
  assert.deepEqual(seen.woken, ['deletion b.buffer', 'deletion b.buffer']);
});

test('what was stored is still known after an attempt that could ask the catalogue nothing', async () => {
  const bench = archiving();
  bench.seen.away = true;
  const first = await attempt(bench);
  bench.seen.unreachable = true;
  const second = await attempt(bench, first.left);
  assert.ok('error' in second.answer);
  assert.deepEqual(second.left, first.left);
});
