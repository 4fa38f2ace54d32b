import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { closedGroups, groupEntries } from '../../../src/core/policy/grouping.js';

const entries = fc.array(fc.record({ size: fc.nat(2000) }), { maxLength: 60 });
const limits = fc.record({
  maxBytes: fc.integer({ min: 1, max: 3000 }),
  maxFiles: fc.integer({ min: 1, max: 10 }),
});

test('groups hold every entry once and in order, and none is empty', () => {
  fc.assert(
    fc.property(entries, limits, (given, limit) => {
      const groups = groupEntries(given, limit);
      assert.deepEqual(groups.flat(), given);
      assert.ok(groups.every((group) => group.length > 0));
    }),
  );
});

test('a group keeps to the limits unless a single entry is bigger', () => {
  fc.assert(
    fc.property(entries, limits, (given, limit) => {
      for (const group of groupEntries(given, limit)) {
        const bytes = group.reduce((sum, { size }) => sum + size, 0);
        assert.ok(group.length <= limit.maxFiles);
        assert.ok(bytes <= limit.maxBytes || group.length === 1);
      }
    }),
  );
});

test('grouping page by page is the same as grouping at once', () => {
  fc.assert(
    fc.property(entries, limits, fc.integer({ min: 1, max: 20 }), (given, limit, pageSize) => {
      const paged: { size: number }[][] = [];
      for (let from = 0; from < given.length; from += pageSize) {
        const open = paged.pop() ?? [];
        paged.push(...groupEntries([...open, ...given.slice(from, from + pageSize)], limit));
      }
      assert.deepEqual(paged, groupEntries(given, limit));
    }),
  );
});

test('the next entry would not have fitted into the group before', () => {
  fc.assert(
    fc.property(entries, limits, (given, limit) => {
      const groups = groupEntries(given, limit);
      for (const [i, group] of groups.slice(0, -1).entries()) {
        const bytes = group.reduce((sum, { size }) => sum + size, 0) + groups[i + 1]![0]!.size;
        assert.ok(group.length === limit.maxFiles || bytes > limit.maxBytes);
      }
    }),
  );
});

test('a bundle that could hold more waits until it is full or old, and all before it go', () => {
  const member = fc.record({ size: fc.nat(2000), waitedSeconds: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(member, { maxLength: 60 }), limits, fc.nat(100), (given, limit, maxAgeSeconds) => {
      const groups = groupEntries(given, limit);
      const closed = closedGroups(groups, { ...limit, maxAgeSeconds });
      assert.deepEqual(closed.slice(0, groups.length - 1), groups.slice(0, -1));
      const last = groups.at(-1) ?? [];
      const full =
        last.length >= limit.maxFiles || last.reduce((sum, { size }) => sum + size, 0) >= limit.maxBytes;
      const old = last.some(({ waitedSeconds }) => waitedSeconds >= maxAgeSeconds);
      assert.equal(closed.length === groups.length, full || old || groups.length === 0);
    }),
  );
  const groups = [[{ size: 1, waitedSeconds: 0 }]];
  assert.deepEqual(closedGroups(groups, { maxBytes: 9, maxFiles: 9, maxAgeSeconds: 0 }), groups);
});
