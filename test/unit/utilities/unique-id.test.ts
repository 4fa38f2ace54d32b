import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uniqueId } from '../../../src/core/utilities/unique-id.js';

test('identifiers are UUIDs of version 7, and say when they were made', () => {
  const id = uniqueId(Date.parse('2026-11-24T00:00:00Z'));
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(parseInt(id.replaceAll('-', '').slice(0, 12), 16), Date.parse('2026-11-24T00:00:00Z'));
});

test('ten thousand of one millisecond are all different and in the order in which they were made', () => {
  const now = Date.now();
  const ids = Array.from({ length: 10_000 }, () => uniqueId(now));
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(new Set(ids).size, ids.length);
});
