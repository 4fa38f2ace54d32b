import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { capacityOf, roomOn, whyNotOnto, type DiskFacts } from '../../../src/core/policy/buffer-space.js';
import {
  DISK_LEVELS,
  diskLevel,
  fillRate,
  fullAt,
  rank,
  roomBelow,
  type DiskRules,
  type DiskSpace,
} from '../../../src/core/policy/disk-level.js';

const RULES: DiskRules = {
  thresholds: {
    warn: { usedShare: 0.75, freeBytes: 0 },
    high: { usedShare: 0.85, freeBytes: 0 },
    critical: { usedShare: 0.95, freeBytes: 0 },
  },
  hysteresisShare: 0.03,
};

function used(share: number, totalBytes = 1000): DiskSpace {
  return { totalBytes, freeBytes: Math.round((1 - share) * totalBytes), totalInodes: 0, freeInodes: 0 };
}

function disk(share: number, changes: Partial<DiskFacts> = {}): DiskFacts {
  const space = used(share);
  const level = diskLevel(space, RULES);
  return {
    ...{ condition: 'usable', level, levelSince: '2026-01-01', space, measuredAt: 0, stale: false },
    ...{ promisedBytes: 0, rules: RULES },
    ...changes,
  };
}

test('levels rise at their thresholds and are left only well below them', () => {
  assert.deepEqual(
    [0.5, 0.75, 0.85, 0.95].map((share) => diskLevel(used(share), RULES)),
    DISK_LEVELS,
  );
  assert.equal(diskLevel(used(0.83), RULES, 'high'), 'high');
  assert.equal(diskLevel(used(0.81), RULES, 'high'), 'warn');
  assert.equal(diskLevel(used(0.1), RULES, 'critical'), 'ok');
});

test('inodes that run out and bytes that must stay free count as well', () => {
  assert.equal(diskLevel({ ...used(0.1), totalInodes: 100, freeInodes: 4 }, RULES), 'critical');
  const rules = { ...RULES, thresholds: { ...RULES.thresholds, high: { usedShare: 1, freeBytes: 600 } } };
  assert.equal(diskLevel(used(0.5), rules), 'high');
});

test('a disk that goes up and down around a threshold does not flap', () =>
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0.83, max: 0.86, noNaN: true }), { minLength: 2 }), (shares) => {
      let [level, changes] = [diskLevel(used(0.86), RULES), 0];
      for (const share of shares) {
        const next = diskLevel(used(share), RULES, level);
        if (next !== level) changes += 1;
        level = next;
      }
      assert.equal(changes, 0);
    }),
  ));

test('what is planned never brings a disk to the level that it must not reach, whatever is promised already', () =>
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 500 }),
      fc.integer({ min: 0, max: 500 }),
      fc.constantFrom('high' as const, 'critical' as const),
      (share, promisedBytes, bytes, limit) => {
        const facts = disk(share, { promisedBytes });
        if (whyNotOnto(facts, bytes, 'ccat.buffer', 'packaging', limit) !== undefined) return;
        const after = { ...facts.space, freeBytes: facts.space.freeBytes - promisedBytes - bytes };
        assert.ok(rank(diskLevel(after, RULES)) <= rank(limit));
        assert.ok(after.freeBytes >= (limit === 'high' ? 149 : 49), String(after.freeBytes));
      },
    ),
  ));

test('reasons say how full it is, what waits, and until when', () => {
  assert.equal(
    whyNotOnto(disk(0.96), 0, 'ccat.buffer', 'packaging'),
    'packaging waits for room in ccat.buffer: it is 96 % full, critical since 2026-01-01, and takes nothing until it is below 92 %',
  );
  assert.match(
    whyNotOnto(disk(0.5, { promisedBytes: 300 }), 100, 'ccat.buffer', 'packaging', 'high') ?? '',
    /is 50 % full, 80 % with what is under way, and 100 B more would pass 85 %/,
  );
  const gone = disk(0.1, { condition: 'missing', reason: 'its disk is not mounted', stale: true });
  assert.match(
    whyNotOnto(gone, 0, 'ccat.buffer', 'packaging') ?? '',
    /not mounted \(measured last at .*no worker/,
  );
  assert.equal(whyNotOnto(undefined, 1e15, 'ccat.buffer', 'packaging'), undefined, 'nobody measured it');
  assert.equal(whyNotOnto(disk(0.91), 0, 'ccat.buffer', 'packaging'), undefined, 'high, and no other one');
  assert.match(whyNotOnto(disk(0), 990, 'ccat.buffer', 'packaging') ?? '', /use a larger disk/);
  assert.equal(capacityOf(disk(0.5)), 950);
});

test('while nobody measures, a full disk is left when enough was freed since', () => {
  const full = disk(0.9, { stale: true });
  assert.equal(roomOn(full, 'high'), 0);
  assert.ok(roomOn({ ...full, promisedBytes: -200 }, 'high') > 0);
  assert.ok(Math.abs(roomBelow('high', used(0.8), RULES) - 50) <= 1);
});

test('a forecast needs a rate, and a rate some time', () => {
  const samples = [0, 60_000, 120_000].map((at) => ({ at, usedBytes: at / 10 }));
  assert.equal(fillRate(samples), 100);
  assert.equal(fillRate(samples.slice(0, 1)), undefined);
  assert.equal(fullAt(used(0.5), 100, 0), 5000);
  assert.equal(fullAt(used(0.5), -1, 0), undefined);
  assert.equal(fullAt(used(0.5), undefined, 0), undefined);
});
