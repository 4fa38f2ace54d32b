import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { dataTransferPackageName, packageName } from '../../../src/core/utilities/naming.js';
import { uniqueId } from '../../../src/core/utilities/unique-id.js';

test('a package is named after its observation, module and part', () => {
  const name = packageName({
    executedObsUnit: '2026-04-01 Orion (b)',
    instrumentModule: 'CHAI/LFA',
    part: 7,
    id: '01890000-0000-7000-8000-0123456789ab',
  });
  assert.equal(name, '2026-04-01-Orion-b_CHAI-LFA_007_0123456789ab');
});

test('whatever the observation is called, the name is safe as a file name and an argument', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.string(),
      fc.integer({ min: 1, max: 1e6 }),
      (executedObsUnit, instrumentModule, part) => {
        assert.match(
          packageName({ executedObsUnit, instrumentModule, part, id: uniqueId() }),
          /^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/,
        );
      },
    ),
  );
});

test('a bundle is named after the sites', () => {
  const name = dataTransferPackageName({
    origin: 'ccat',
    destination: 'cologne',
    id: '01890000-0000-7000-8000-0123456789ab',
  });
  assert.equal(name, 'ccat-to-cologne_0123456789ab');
});

test('ids are unique, are version 7, and sort by the time they were made', () => {
  const ids = Array.from({ length: 1000 }, (_, i) => uniqueId(1_750_000_000_000 + i));
  assert.equal(new Set(ids).size, 1000);
  assert.deepEqual([...ids].sort(), ids);
  for (const id of ids)
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
