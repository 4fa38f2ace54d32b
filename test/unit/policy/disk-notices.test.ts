import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DISK_CONDITIONS } from '../../../src/core/policy/buffer-space.js';
import { DISK_LEVELS, rank } from '../../../src/core/policy/disk-level.js';
import { whatChanged } from '../../../src/core/policy/disk-notices.js';

const PLACE = { site: 'ccat', name: 'buffer', locationType: 'buffer' };

const measured = fc
  .record({ condition: fc.constantFrom(...DISK_CONDITIONS), level: fc.constantFrom(...DISK_LEVELS) })
  .map((facts) => ({
    ...facts,
    reason: facts.condition === 'usable' ? undefined : 'it is broken',
    space: { totalBytes: 100, freeBytes: 10, totalInodes: 0, freeInodes: 0 },
    measuredAt: '2026-01-01T00:00:00.000Z',
  }));

test('whatever a disk goes through, each change is told and nothing is told twice', () =>
  fc.assert(
    fc.property(fc.array(measured, { minLength: 1 }), (rounds) => {
      const open = new Set<string>();
      let before: (typeof rounds)[number] | undefined;
      for (const found of rounds) {
        // A disk that can't be used keeps the level that it had.
        const now = found.condition === 'usable' ? found : { ...found, level: before?.level ?? 'ok' };
        for (const notice of whatChanged(PLACE, before, now)) {
          for (const kind of [notice.resolves ?? []].flat()) open.delete(kind);
          if (notice.level !== 'info') open.add(notice.kind);
          assert.equal(notice.subject, 'ccat.buffer');
        }
        assert.equal(open.has('location_unusable'), now.condition !== 'usable');
        if (now.condition === 'usable') {
          const told = DISK_LEVELS.filter((level) => open.has(`disk_${level}`));
          assert.ok(
            told.every((level) => rank(level) <= rank(now.level)),
            'no level that is left stays open',
          );
          const rose = rank(now.level) > rank(before?.level ?? 'ok');
          if (rose) assert.ok(told.includes(now.level), 'a higher level is told');
        }
        assert.deepEqual(whatChanged(PLACE, now, now), [], 'what is as it was is no news');
        before = now;
      }
    }),
  ));

test('a notice says how full it is, what is done about it and when it will be full', () => {
  const space = { totalBytes: 1000, freeBytes: 40, totalInodes: 0, freeInodes: 0 };
  const now = {
    condition: 'usable',
    level: 'critical',
    space,
    measuredAt: '2026-01-01T00:00:00.000Z',
  } as const;
  const [notice] = whatChanged(PLACE, undefined, { ...now, bytesPerSecond: 0.01 });
  assert.match(
    notice?.happened ?? '',
    /^ccat.buffer is 96 % full \(critical\); it was ok before, and full at about 2026-01-01T01:06 UTC$/,
  );
  assert.match(notice?.tried ?? '', /Nothing new is packaged into it/);
});
