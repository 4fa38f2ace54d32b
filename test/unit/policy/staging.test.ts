import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Location, PhysicalCopy } from '../../../src/core/database/records.js';
import { ConfigurationError } from '../../../src/core/exceptions.js';
import { patternSource } from '../../../src/core/policy/path-pattern.js';
import { durationSeconds, parseStagingRequest } from '../../../src/core/policy/staging-request.js';
import { rankSources, whyKeepStaged } from '../../../src/core/policy/staging.js';
import { STAGING_STATES } from '../../../src/core/states.js';

const EXPECTED = { bytes: 10, sha256: 'a'.repeat(64) };

function copy(name: string, changes: Partial<PhysicalCopy> = {}, at: Partial<Location> = {}): PhysicalCopy {
  const location: Location = {
    id: name,
    site: name,
    name: 'lta',
    locationType: 'long_term_archive',
    storageType: 's3',
    priority: 0,
    active: true,
    deletable: false,
    ...at,
  };
  return {
    id: name,
    packageId: 'p',
    location,
    state: 'present',
    path: 'k',
    createdAt: '2026-01-01T00:00:00Z',
    verifiedAt: '2026-01-01T00:00:00Z',
    ...EXPECTED,
    ...changes,
  };
}

const names = (copies: PhysicalCopy[]) =>
  rankSources(EXPECTED, copies, { site: 'here' }).sources.map((one) => one.copy.id);

test('the best archive is one at the same site, of the first priority, verified last', () => {
  const older = copy('older', { verifiedAt: '2025-01-01T00:00:00Z' });
  const second = copy('second', {}, { priority: 5 });
  const here = copy('here', { verifiedAt: undefined }, { priority: 9 });
  assert.deepEqual(names([second, older, copy('newer'), here]), ['here', 'newer', 'older', 'second']);
  const doubted = copy('doubted', { doubt: { words: 'it gave other bytes', since: '2026-01-01T00:00:00Z' } });
  assert.deepEqual(names([doubted, second]), ['second', 'doubted']);
});

test('what can not serve is told with its reason', () => {
  const { sources, refused } = rankSources(
    EXPECTED,
    [
      copy('gone', { state: 'deleted' }),
      copy('other', { sha256: 'b'.repeat(64) }),
      copy('off', {}, { active: false }),
      copy('far', {}, { storageType: 'disk' }),
      copy('buffer', {}, { locationType: 'buffer' }),
    ],
    { site: 'here' },
  );
  assert.deepEqual(sources, []);
  assert.deepEqual(
    refused.map((one) => one.split(':')[0]),
    ['gone.lta', 'other.lta', 'off.lta', 'far.lta'],
  );
});

test('a staged copy stays as long as any job that is open needs it, whatever the time', () => {
  const staged = copy('here', { state: 'staged' }, { locationType: 'processing', deletable: true });
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...STAGING_STATES)),
      fc.integer({ min: 0, max: 1e6 }),
      fc.integer({ min: 0, max: 1e6 }),
      (states, age, retentionSeconds) => {
        const now = new Date('2026-06-01T00:00:00Z');
        const needs = states.map((state, at) => ({
          jobId: `${at}`,
          requestedBy: 'ada',
          state,
          expiresAt: '2020-01-01T00:00:00Z',
        }));
        const neededAt = new Date(now.getTime() - age * 1000).toISOString();
        const open = states.filter((state) => ['requested', 'active', 'ready'].includes(state)).length;
        const reasons = whyKeepStaged(staged, { needs, neededAt }, now, { retentionSeconds });
        assert.equal(reasons.length > 0, open > 0 || age < retentionSeconds);
      },
    ),
  );
});

test('patterns match as in a shell, and only paths below a source are any', () => {
  const matches = (pattern: string, path: string) => new RegExp(patternSource(pattern)).test(path);
  assert.ok(matches('obs/*.fits', 'obs/a.fits'));
  assert.ok(!matches('obs/*.fits', 'obs/deep/a.fits'));
  assert.ok(!matches('obs/*.fits', 'obs/aXfits'));
  assert.ok(matches('**/*.fits', 'a.fits') && matches('**/*.fits', 'obs/deep/a\n.fits'));
  assert.ok(matches('obs/**', 'obs/deep/x') && matches('a+(b)[c]$', 'a+(b)[c]$'));
  for (const bad of ['', '/etc/passwd', '../x', 'a//b', 'a/', './a', 'a\0b'])
    assert.throws(() => patternSource(bad), ConfigurationError);
});

test('a wrong request is refused with the name of what is wrong', () => {
  const good = { destination: 'cologne.ramses', requestedBy: 'ada', observations: ['obs'] };
  assert.deepEqual(parseStagingRequest(good), good);
  const wrong: [object | undefined, RegExp][] = [
    [undefined, /request/],
    [{ ...good, destination: 'ramses' }, /destination/],
    [{ ...good, requestedBy: '' }, /requestedBy/],
    [{ destination: 'a.b', requestedBy: 'ada' }, /asks for nothing/],
    [{ ...good, files: ['*/x'] }, /must begin/],
    [{ ...good, keepFor: 'long' }, /no time/],
    [{ ...good, colour: 1 }, /colour/],
  ];
  for (const [request, message] of wrong) assert.throws(() => parseStagingRequest(request), message);
  assert.equal(durationSeconds('2w'), 14 * 86_400);
});
