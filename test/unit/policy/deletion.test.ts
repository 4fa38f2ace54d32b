import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ArchiveCopy } from '../../../src/core/policy/archive-evidence.js';
import {
  mayGo,
  type DeletionFacts,
  type DeletionRules,
  type DeletionTarget,
  type Moment,
} from '../../../src/core/policy/deletion.js';
import { failureDomains } from '../../../src/core/policy/failure-domains.js';
import { COPY_STATES, LOCATION_TYPES } from '../../../src/core/states.js';

const NOW = new Date('2026-06-01T12:00:00Z');
const RULES: DeletionRules = {
  requiredCopies: 1,
  maxVerificationAgeSeconds: 3600,
  maxChallengeAgeSeconds: 600,
  retentionSeconds: 0,
  archivedSeconds: 0,
  graceSeconds: 0,
  onlyUnderPressure: false,
};

type Changes = Partial<ArchiveCopy> & {
  type?: ArchiveCopy['location']['locationType'];
  place?: Partial<ArchiveCopy['location']>;
};

function copyAt(site: string, changes: Changes = {}): ArchiveCopy {
  const { type = 'long_term_archive', place, ...rest } = changes;
  const isArchive = type === 'long_term_archive';
  const name = isArchive ? 'lta' : type;
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
      ...place,
    },
    state: isArchive ? 'present' : 'deletion_scheduled',
    path: 'p.tar',
    bytes: 10,
    sha256: 'a'.repeat(64),
    createdAt: '2026-06-01T10:00:00Z',
    verifiedAt: '2026-06-01T11:30:00Z',
    deleteAfter: isArchive ? undefined : '2026-06-01T11:50:00Z',
    challenge: isArchive ? { id: 'c', at: '2026-06-01T11:55:00Z', method: 'full' } : undefined,
    ...rest,
  };
}

function targetOf(copy: ArchiveCopy): DeletionTarget {
  const { id, location, state, bytes, createdAt, deleteAfter } = copy;
  return { kind: 'copy', id, location, state, bytes, since: createdAt, deleteAfter };
}

function factsOf(copies: ArchiveCopy[], changes: Partial<DeletionFacts> = {}): DeletionFacts {
  return {
    package: {
      id: 'p',
      name: 'p',
      observation: 'obs',
      state: 'archived',
      archivedAt: '2026-06-01T11:00:00Z',
      bytes: 10,
      sha256: 'a'.repeat(64),
    },
    copies,
    targets: copies.map(targetOf),
    holds: [],
    journeys: { firstBufferId: 'ccat.buffer', openTransfers: [] },
    topology: { locations: copies.map((one) => one.location), routes: [] },
    neededBy: [],
    pressure: {},
    ...changes,
  };
}

function codes(
  copies: ArchiveCopy[],
  copy: ArchiveCopy,
  options: { rules?: Partial<DeletionRules>; facts?: Partial<DeletionFacts>; moment?: Moment } = {},
): string[] {
  const { may, reasons } = mayGo(
    targetOf(copy),
    factsOf(copies, options.facts),
    { ...RULES, ...options.rules },
    NOW,
    options.moment ?? 'delete',
  );
  assert.equal(may, reasons.length === 0);
  for (const { words } of reasons) assert.match(words, /\w/);
  return [...new Set(reasons.map(({ code }) => code))];
}

const buffer = copyAt('ccat', { type: 'buffer' });
const archived = copyAt('cologne');
const TOO_FEW = ['too_few_archive_copies', 'archive_copy_does_not_count'];

test('a scheduled copy in a buffer may go when an archive copy was read back and answered a challenge', () => {
  assert.deepEqual(codes([buffer, archived], buffer), []);
});

const doubts: [string, Changes][] = [
  ['of another package', { packageId: 'q' }],
  ['with another digest', { sha256: 'b'.repeat(64) }],
  ['of another size', { bytes: 11 }],
  ['that was never read back', { verifiedAt: undefined }],
  ['that was read back too long ago', { verifiedAt: '2026-06-01T10:59:59Z' }],
  ['that claims to have been read back in the future', { verifiedAt: '2026-06-01T12:10:00Z' }],
  ['with a time of reading back that can not be read', { verifiedAt: 'yesterday' }],
  ['that was not challenged', { challenge: undefined }],
  [
    'that was challenged too long ago',
    { challenge: { id: 'c', at: '2026-06-01T11:49:59Z', method: 'ranges' } },
  ],
  ['that will be challenged', { challenge: { id: 'c', at: '2026-06-01T12:10:00Z', method: 'ranges' } }],
  ['that failed a challenge', { doubt: { words: 'it is gone', since: '2026-06-01T11:58:00Z' } }],
  ['in an archive that is switched off', { place: { active: false } }],
  ...COPY_STATES.filter((state) => state !== 'present').map((state): [string, Changes] => [
    `that is ${state}`,
    { state },
  ]),
];
for (const [words, changes] of doubts) {
  test(`an archive copy ${words} does not count`, () => {
    assert.deepEqual(codes([buffer, archived], buffer), []);
    assert.deepEqual(codes([buffer, copyAt('cologne', changes)], buffer), TOO_FEW);
  });
}

test('a plan does not ask for what the deletion does first: reading back and challenges', () => {
  const old = copyAt('cologne', { verifiedAt: '2026-01-01T00:00:00Z', challenge: undefined });
  const present = copyAt('ccat', { type: 'buffer', state: 'present', deleteAfter: undefined });
  assert.deepEqual(codes([present, old], present, { moment: 'plan' }), []);
  assert.deepEqual(codes([present, old], present), ['not_scheduled', ...TOO_FEW]);
});

test('copies that may be lost together count once', () => {
  const two = { rules: { requiredCopies: 2 } };
  const second = { ...copyAt('cologne', { place: { id: 'cologne.lta2', name: 'lta2' } }), id: 'other' };
  assert.deepEqual(codes([buffer, archived, second], buffer, two), ['too_few_archive_copies']);
  assert.deepEqual(codes([buffer, archived, copyAt('us')], buffer, two), []);
  const store = { endpoint: 'https://store.example' };
  const here = copyAt('cologne', { place: store });
  assert.deepEqual(codes([buffer, here, copyAt('us', { place: store })], buffer, two), [
    'too_few_archive_copies',
  ]);
  const named = (site: string) => copyAt(site, { place: { ...store, failureDomain: `room at ${site}` } });
  assert.deepEqual(codes([buffer, named('cologne'), named('us')], buffer, two), []);
  const vault = (site: string) => copyAt(site, { place: { failureDomain: 'vault' } });
  assert.deepEqual(codes([buffer, vault('cologne'), vault('us')], buffer, two), ['too_few_archive_copies']);
});

test('failure domains do not depend on the order of their locations', () => {
  const place = fc.record({
    id: fc.uuid(),
    site: fc.constantFrom('a', 'b', 'c'),
    failureDomain: fc.option(fc.constantFrom('x', 'a', 'y'), { nil: undefined }),
    endpoint: fc.option(fc.constantFrom('s', 't'), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(place, { maxLength: 6 }), (places) => {
      const count = failureDomains(places).length;
      assert.equal(failureDomains([...places].reverse()).length, count);
      assert.ok(count <= places.length && (places.length === 0 || count >= 1));
      for (const extra of places) assert.ok(failureDomains([...places, extra]).length <= count);
    }),
  );
});

test('every rule has its reason', () => {
  const copies = [buffer, archived];
  const hold = { reason: 'under study', placedBy: 'ada', placedAt: '2026-06-01T11:00:00Z' };
  const facts = (changes: Partial<DeletionFacts>) => codes(copies, buffer, { facts: changes });
  const rules = (changes: Partial<DeletionRules>, more: Partial<DeletionFacts> = {}) =>
    codes(copies, buffer, { rules: changes, facts: more });
  assert.deepEqual(facts({ holds: [hold] }), ['held']);
  assert.deepEqual(facts({ neededBy: [{ locationId: 'ccat.buffer', words: 'a job needs it' }] }), ['needed']);
  assert.deepEqual(facts({ neededBy: [{ locationId: 'us.buffer', words: 'a job needs it' }] }), []);
  const transfer = { originLocationId: 'ccat.buffer', destination: 'us.buffer' };
  assert.deepEqual(facts({ journeys: { firstBufferId: 'ccat.buffer', openTransfers: [transfer] } }), [
    'being_sent',
  ]);
  assert.deepEqual(rules({ retentionSeconds: 7201 }), ['retention']);
  assert.deepEqual(rules({ retentionSeconds: 7200 }), []);
  assert.deepEqual(rules({ archivedSeconds: 3601 }), ['retention']);
  assert.deepEqual(rules({ retentionSeconds: 7201 }, { pressure: { 'ccat.buffer': 'critical' } }), [
    'retention',
  ]);
  assert.deepEqual(rules({ onlyUnderPressure: true }), ['pressure_unknown']);
  assert.deepEqual(rules({ onlyUnderPressure: true }, { pressure: { 'ccat.buffer': 'low' } }), [
    'no_pressure',
  ]);
  assert.deepEqual(rules({ onlyUnderPressure: true }, { pressure: { 'ccat.buffer': 'warn' } }), []);
  for (const requiredCopies of [0, -1, Number.NaN])
    assert.ok(rules({ requiredCopies }).includes('rules_ask_for_nothing'));
  assert.ok(rules({ maxVerificationAgeSeconds: Number.NaN }).length > 0);
  assert.ok(rules({ retentionSeconds: Number.NaN }).length > 0);
  const later = copyAt('ccat', { type: 'buffer', deleteAfter: '2026-06-01T12:00:01Z' });
  assert.deepEqual(codes([later, archived], later), ['grace']);
  const fixed = copyAt('ccat', { type: 'buffer', place: { deletable: false, active: false } });
  assert.deepEqual(codes([fixed, archived], fixed), ['not_deletable', 'location_off']);
  const there = copyAt('cologne', { type: 'buffer' });
  assert.deepEqual(codes([there, copyAt('us')], there), []);
  const lacking = { locations: [there.location, archived.location, copyAt('us').location], routes: [] };
  assert.deepEqual(codes([there, copyAt('us')], there, { facts: { topology: lacking } }), [
    'not_in_archive_here',
  ]);
});

const anyCopy = fc
  .record({
    site: fc.constantFrom('ccat', 'cologne', 'us', 'bonn'),
    type: fc.constantFrom(...LOCATION_TYPES),
    state: fc.constantFrom(...COPY_STATES),
    deletable: fc.boolean(),
    active: fc.constantFrom(true, true, false),
    failureDomain: fc.option(fc.constantFrom('vault', 'cologne'), { nil: undefined }),
    digest: fc.constantFrom('a', 'a', 'b'),
    ageSeconds: fc.option(fc.integer({ min: -1000, max: 10_000 })),
    challengedSeconds: fc.option(fc.integer({ min: -1000, max: 2000 })),
    doubted: fc.constantFrom(false, false, true),
  })
  .map((one): ArchiveCopy => {
    const ago = (seconds: number | null) =>
      seconds === null ? undefined : new Date(NOW.getTime() - seconds * 1000).toISOString();
    const at = ago(one.challengedSeconds);
    return copyAt(one.site, {
      type: one.type,
      state: one.state,
      sha256: one.digest.repeat(64),
      verifiedAt: ago(one.ageSeconds),
      challenge: at === undefined ? undefined : { id: 'c', at, method: 'ranges' },
      doubt: one.doubted ? { words: 'it is gone', since: NOW.toISOString() } : undefined,
      place: { deletable: one.deletable, active: one.active, failureDomain: one.failureDomain },
    });
  });
const anyCopies = fc
  .array(anyCopy, { minLength: 1, maxLength: 8 })
  .map((copies) => copies.map((copy, i) => ({ ...copy, id: String(i) })));
const anyMoment = fc.constantFrom<Moment>('plan', 'delete');

test('whatever copies there are, nothing in an archive and nothing at a location that forbids it may go', () => {
  fc.assert(
    fc.property(anyCopies, anyMoment, (copies, moment) => {
      for (const copy of copies) {
        if (copy.location.locationType !== 'long_term_archive' && copy.location.deletable) continue;
        assert.notDeepEqual(codes(copies, copy, { moment }), []);
      }
    }),
  );
});

test('whatever goes, the required number of fresh, equal and challenged archive copies stays, each in a domain of its own', () => {
  fc.assert(
    fc.property(anyCopies, fc.integer({ min: 1, max: 3 }), (copies, requiredCopies) => {
      const goes = copies.filter((copy) => codes(copies, copy, { rules: { requiredCopies } }).length === 0);
      const left = copies.filter((copy) => !goes.includes(copy));
      if (goes.length === 0) return;
      const good = left.filter(
        (copy) =>
          copy.location.locationType === 'long_term_archive' &&
          copy.state === 'present' &&
          copy.sha256 === 'a'.repeat(64) &&
          copy.doubt === undefined &&
          copy.verifiedAt !== undefined &&
          NOW.getTime() - Date.parse(copy.verifiedAt) <= RULES.maxVerificationAgeSeconds * 1000 &&
          copy.challenge !== undefined &&
          NOW.getTime() - Date.parse(copy.challenge.at) <= RULES.maxChallengeAgeSeconds * 1000,
      );
      const domains = new Set(good.map(({ location }) => location.failureDomain ?? location.site));
      assert.ok(domains.size >= requiredCopies);
    }),
    { numRuns: 2000 },
  );
});
