import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { whyKeep } from '../../../src/core/policy/deletion.js';
import type { PhysicalCopy } from '../../../src/core/database/records.js';
import { COPY_STATES, LOCATION_TYPES } from '../../../src/core/states.js';

const NOW = new Date('2026-06-01T12:00:00Z');
const RULES = { requiredCopies: 1, maxVerificationAgeSeconds: 3600 };

function copyAt(
  site: string,
  changes: Partial<PhysicalCopy> & { type?: PhysicalCopy['location']['locationType'] } = {},
): PhysicalCopy {
  const { type = 'long_term_archive', ...rest } = changes;
  const isArchive = type === 'long_term_archive';
  const name = isArchive ? 'lta' : 'buffer';
  return {
    id: `${site}.${name}.copy`,
    packageId: 'p',
    location: {
      id: `${site}.${name}`,
      site,
      name,
      locationType: type,
      storageType: isArchive ? 's3' : 'disk',
      priority: 1,
      active: true,
      deletable: !isArchive,
    },
    state: 'present',
    path: 'p.tar',
    bytes: 10,
    sha256: 'a'.repeat(64),
    verifiedAt: '2026-06-01T11:30:00Z',
    ...rest,
  };
}

const buffer = copyAt('ccat', { type: 'buffer' });
const archived = copyAt('cologne');

test('a copy in a buffer may go when a verified copy is in an archive', () => {
  assert.deepEqual(whyKeep([buffer, archived], buffer, NOW, RULES), []);
});

test('every reason is told in words', () => {
  const old = copyAt('us', { verifiedAt: '2026-01-01T00:00:00Z' });
  const reasons = whyKeep(
    [buffer, old],
    { ...buffer, location: { ...buffer.location, deletable: false } },
    NOW,
    RULES,
  );
  assert.deepEqual(reasons, [
    'copies at ccat.buffer are not to be deleted',
    '0 of 1 required archive copies are verified',
    'the copy at us.lta does not count: it was read back at 2026-01-01T00:00:00Z, which is not within the last 3600 s',
  ]);
});

const doubts: [string, Partial<PhysicalCopy>][] = [
  ['of another package', { packageId: 'q' }],
  ['with another digest', { sha256: 'b'.repeat(64) }],
  ['of another size', { bytes: 11 }],
  ['that was never read back', { verifiedAt: undefined }],
  ['that was read back too long ago', { verifiedAt: '2026-06-01T10:59:59Z' }],
  ['that claims to have been read back in the future', { verifiedAt: '2026-06-01T12:10:00Z' }],
  ['with a time of reading back that can not be read', { verifiedAt: 'yesterday' }],
  ...COPY_STATES.filter((state) => state !== 'present').map((state): [string, Partial<PhysicalCopy>] => [
    `that is ${state}`,
    { state },
  ]),
];
for (const [words, changes] of doubts) {
  test(`an archive copy ${words} does not count`, () => {
    assert.notDeepEqual(whyKeep([buffer, { ...archived, ...changes }], buffer, NOW, RULES), []);
  });
}

test('two objects at one archive count once', () => {
  const second = { ...archived, id: 'other' };
  assert.notDeepEqual(whyKeep([buffer, archived, second], buffer, NOW, { ...RULES, requiredCopies: 2 }), []);
  assert.deepEqual(
    whyKeep([buffer, archived, copyAt('us')], buffer, NOW, { ...RULES, requiredCopies: 2 }),
    [],
  );
});

test('rules that ask for nothing allow nothing', () => {
  for (const requiredCopies of [0, -1, Number.NaN])
    assert.notDeepEqual(whyKeep([buffer, archived], buffer, NOW, { ...RULES, requiredCopies }), []);
  assert.notDeepEqual(
    whyKeep([buffer, archived], buffer, NOW, { ...RULES, maxVerificationAgeSeconds: Number.NaN }),
    [],
  );
});

const anyCopy = fc
  .record({
    site: fc.constantFrom('ccat', 'cologne', 'us', 'bonn'),
    type: fc.constantFrom(...LOCATION_TYPES),
    state: fc.constantFrom(...COPY_STATES),
    deletable: fc.boolean(),
    digest: fc.constantFrom('a', 'a', 'b'),
    ageSeconds: fc.option(fc.integer({ min: -1000, max: 10_000 })),
  })
  .map(({ site, type, state, deletable, digest, ageSeconds }): PhysicalCopy => {
    const verifiedAt =
      ageSeconds === null ? undefined : new Date(NOW.getTime() - ageSeconds * 1000).toISOString();
    const copy = copyAt(site, { type, state, sha256: digest.repeat(64), verifiedAt });
    return { ...copy, location: { ...copy.location, deletable } };
  });
const anyCopies = fc
  .array(anyCopy, { minLength: 1, maxLength: 8 })
  .map((copies) => copies.map((copy, i) => ({ ...copy, id: String(i) })));

test('whatever copies there are, nothing in an archive and nothing at a location that forbids it may go', () => {
  fc.assert(
    fc.property(anyCopies, fc.integer({ min: 1, max: 3 }), (copies, requiredCopies) => {
      for (const copy of copies) {
        if (copy.location.locationType !== 'long_term_archive' && copy.location.deletable) continue;
        assert.notDeepEqual(whyKeep(copies, copy, NOW, { ...RULES, requiredCopies }), []);
      }
    }),
  );
});

test('whatever is deleted, the required number of fresh and equal archive copies stays', () => {
  fc.assert(
    fc.property(anyCopies, fc.integer({ min: 1, max: 3 }), (copies, requiredCopies) => {
      const left = copies.filter(
        (copy) => whyKeep(copies, copy, NOW, { ...RULES, requiredCopies }).length > 0,
      );
      for (const gone of copies.filter((copy) => !left.includes(copy))) {
        const good = left.filter(
          (copy) =>
            copy.location.locationType === 'long_term_archive' &&
            copy.state === 'present' &&
            copy.sha256 === gone.sha256 &&
            copy.verifiedAt !== undefined &&
            NOW.getTime() - Date.parse(copy.verifiedAt) <= RULES.maxVerificationAgeSeconds * 1000,
        );
        assert.ok(new Set(good.map((copy) => copy.location.id)).size >= requiredCopies);
      }
    }),
  );
});

test('without any archive copy nothing may go', () => {
  fc.assert(
    fc.property(anyCopies, (copies) => {
      const elsewhere = copies.filter((copy) => copy.location.locationType !== 'long_term_archive');
      for (const copy of elsewhere) assert.notDeepEqual(whyKeep(elsewhere, copy, NOW, RULES), []);
    }),
  );
});
