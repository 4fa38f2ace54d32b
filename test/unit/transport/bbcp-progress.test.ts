import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BbcpProgress } from '../../../src/core/transport/bbcp-progress.js';
import { parseBbcpLine } from '../../../src/core/utilities/bbcp-lines.js';

const GIB = 1024 ** 3;

/** Bytes at the target after each line. */
function after(bytes: number, lines: string[]): number[] {
  const progress = new BbcpProgress(bytes);
  return lines.flatMap((line) => {
    const event = parseBbcpLine(line);
    return event === undefined ? [] : [progress.after(event)];
  });
}

test('between two percents of a large file the rate tells how far it is', () => {
  const told = after(100 * GIB, [
    'bbcp: Appending to /b/a.tar at offset 0',
    'bbcp: 261125 23:59:58  0% done; 100.0 MB/s, avg 100.0 MB/s',
    'bbcp: 261125 23:59:59  0% done; 100.0 MB/s, avg 100.0 MB/s',
    'bbcp: 261126 00:00:01  0% done; 512.0 MB/s, avg 300.0 MB/s',
  ]);
  assert.deepEqual(
    told.map((bytes) => bytes / 1024 ** 2),
    // The last guess is more than a percent, which bbcp would have told.
    [0, 0, 100, 1024],
  );
});

test('a copy that goes on counts what was there, and percents of the rest', () => {
  assert.deepEqual(
    after(1000, [
      'bbcp: Appending to /b/a.tar at offset 600',
      'bbcp: 261123 21:35:50  50% done; 19.8 B/s, avg 19.8 B/s',
    ]),
    [600, 800],
  );
});

test('a copy that stands still does not move, whatever its lines are', () => {
  assert.deepEqual(
    after(1000, [
      'bbcp: Creating /b/a.tar',
      'bbcp: 261123 21:01:50  10% done; 10.0 B/s, avg 10.0 B/s',
      'bbcp: 261123 21:01:51  10% done; -nan B/s, avg 10.0 B/s',
      'bbcp: 261123 21:01:52  10% done; 0.0 B/s, avg 9.0 B/s',
      'bbcp: 261123 21:00:01  9% done; 5.0 B/s, avg 9.0 B/s',
    ]),
    [0, 100, 100, 100, 100],
  );
});

test('a size that bbcp does not know is no reason to tell nothing, and never more than all', () => {
  assert.deepEqual(
    after(1000, [
      'bbcp: Creating /b/a.tar',
      'bbcp: 261123 21:01:50  not done; 400.0 B/s, avg 400.0 B/s',
      'bbcp: 261123 21:01:51  not done; 400.0 B/s, avg 400.0 B/s',
      'bbcp: 261123 21:01:59  not done; 400.0 B/s, avg 400.0 B/s',
    ]),
    [0, 0, 400, 1000],
  );
});
