import assert from 'node:assert/strict';
import { test } from 'node:test';
import { registration, type KnownVersion } from '../../../src/core/database/catalogue/files.js';
import type { FoundEntry } from '../../../src/core/database/records.js';

const STAT = { kind: 'file' as const, size: 10, mtimeNs: '1', ctimeNs: '1' };
const FOUND: FoundEntry = {
  path: 'obs/a',
  executedObsUnit: 'obs',
  instrumentModule: 'CHAI',
  quiet: true,
  ...STAT,
};
const WAITING: KnownVersion = {
  id: 'w',
  pathHash: 'h',
  state: 'registered',
  quiet: true,
  settled: false,
  inPackage: false,
  ...STAT,
};
const PACKAGED: KnownVersion = { ...WAITING, id: 'p', state: 'packaged', inPackage: true };

const cases: [string, Partial<FoundEntry>, KnownVersion[], object][] = [
  ['a new path is inserted', {}, [], { change: 'insert', fresh: true }],
  ['a waiting file seen unchanged is left alone', {}, [WAITING], { change: 'none' }],
  ['a waiting file of another size is updated', { size: 11 }, [WAITING], { change: 'update', id: 'w' }],
  ['a waiting file of another ctime is updated', { ctimeNs: '2' }, [WAITING], { change: 'update', id: 'w' }],
  ['a file replaced by a link is updated', { kind: 'symlink' }, [WAITING], { change: 'update', id: 'w' }],
  [
    'an unquiet file with an old mtime settles',
    {},
    [{ ...WAITING, quiet: false }],
    { change: 'settle', id: 'w' },
  ],
  [
    'an unquiet file seen still for long settles',
    { quiet: false },
    [{ ...WAITING, quiet: false, settled: true }],
    { change: 'settle', id: 'w' },
  ],
  [
    'an unquiet file seen still for a moment waits',
    { quiet: false },
    [{ ...WAITING, quiet: false }],
    { change: 'none' },
  ],
  [
    'a refused file seen unchanged stays refused',
    {},
    [{ ...WAITING, state: 'refused', quiet: false }],
    { change: 'none' },
  ],
  ['a packaged file seen unchanged is left alone', {}, [PACKAGED], { change: 'none' }],
  ['a packaged file of another ctime is left alone', { ctimeNs: '2' }, [PACKAGED], { change: 'none' }],
  [
    'a packaged file that changed becomes a new version',
    { size: 11 },
    [PACKAGED],
    { change: 'insert', fresh: false },
  ],
  [
    'a deleted file that is there with new content becomes a new version',
    { size: 11 },
    [{ ...PACKAGED, state: 'deleted' }],
    { change: 'insert', fresh: false },
  ],
  [
    'a changed file on its way into a package is left to packaging',
    { size: 11 },
    [{ ...PACKAGED, state: 'registered' }],
    { change: 'none' },
  ],
  [
    'a waiting version of a file that is again as it was packaged is superseded',
    {},
    [PACKAGED, { ...WAITING, size: 11 }],
    { change: 'supersede', id: 'w' },
  ],
];

for (const [words, changes, known, expected] of cases) {
  test(words, () => {
    assert.deepEqual(registration({ ...FOUND, ...changes }, known, false), expected);
  });
}

test('a folder from which something was packaged is nothing new, and no version of it waits', () => {
  const folder = { ...FOUND, kind: 'directory', size: 0 } as const;
  assert.deepEqual(registration(folder, [], true), { change: 'none' });
  assert.deepEqual(registration(folder, [PACKAGED], true), { change: 'none' });
  assert.deepEqual(registration(folder, [WAITING], true), { change: 'supersede', id: 'w' });
  assert.deepEqual(registration(folder, [], false), { change: 'insert', fresh: true });
});
