import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatBytes, formatClock, formatDuration, shorten } from '../../../src/core/utilities/format.js';
import { frame, summaryLine, type View } from '../../../src/client/cli/display/frame.js';
import { stages, type Stage } from '../../../src/client/cli/display/stages.js';
import { styleFor } from '../../../src/client/cli/display/style.js';
import { table } from '../../../src/client/cli/display/tables.js';
import type { SourceProgress } from '../../../src/core/database/records.js';

const plain = styleFor({ isTTY: false }, {});

const none = { packages: 0, files: 0, payloadBytes: 0, bytes: 0 };
const halfWay: SourceProgress = {
  files: { registered: 4, packaged: 6, refused: 0, deleted: 0 },
  bytes: { registered: 400, packaged: 600, refused: 0, deleted: 0 },
  packages: {
    creating: { ...none, packages: 1 },
    waiting: none,
    transferring: none,
    arrived: { packages: 1, files: 2, payloadBytes: 200, bytes: 250 },
    archived: { packages: 1, files: 4, payloadBytes: 400, bytes: 450 },
    failed: none,
  },
  copiesToDelete: 0,
};
const still = { done: () => 0, rate: () => 0 };

const view = (changes: Partial<View> = {}): View => ({
  elapsedSeconds: 61,
  source: '/data',
  archive: 'cologne.lta',
  stages: stages(halfWay, still),
  packages: { creating: 1, archived: 2 },
  copiesToDelete: 0,
  deletedFiles: 0,
  waiting: [],
  problems: [],
  trouble: [],
  ...changes,
});

void describe('numbers for people', () => {
  void it('writes bytes with three digits in decimal units', () => {
    assert.deepEqual([0, 999, 1000, 12_345, 99_949, 99_950, 999_499, 999_500, 5e9, 2e18].map(formatBytes), [
      '0 B',
      '999 B',
      '1.00 kB',
      '12.3 kB',
      '99.9 kB',
      '100 kB',
      '999 kB',
      '1.00 MB',
      '5.00 GB',
      '2000 PB',
    ]);
  });

  void it('writes durations with the two units that matter', () => {
    assert.deepEqual([0.4, 59.6, 185, 7_620, 270_000].map(formatDuration), [
      '0 s',
      '1 min 00 s',
      '3 min 05 s',
      '2 h 07 min',
      '3 d 03 h',
    ]);
    assert.deepEqual([42, 3723].map(formatClock), ['00:42', '1:02:03']);
  });

  void it('shortens names in the middle, to exactly the width', () => {
    assert.equal(shorten('abcdefghij', 10), 'abcdefghij');
    assert.equal(shorten('abcdefghijk', 10), 'abcde…hijk');
    for (const width of [1, 2, 3, 9]) assert.equal(shorten('abcdefghijk', width).length, width);
  });
});

void describe('the stages', () => {
  void it('tell what is done of everything that the source holds', () => {
    const found = stages(halfWay, still).map(({ name, files, bytes }) => [
      name,
      files.done,
      bytes.done,
      files.total,
      bytes.total,
    ]);
    assert.deepEqual(found, [
      ['packaging', 6, 600, 10, 1000],
      ['transfer', 6, 600, 10, 1000],
      ['verification', 6, 600, 10, 1000],
      ['archiving', 4, 400, 10, 1000],
    ]);
  });

  void it('add what moved since they were shown first, and count the two passes of archiving once', () => {
    const live = { done: () => 100, rate: () => 50 };
    const [packaging, , , archiving] = stages(halfWay, live);
    assert.equal(packaging?.bytes.done, 700);
    assert.equal(packaging.secondsLeft, 300 / 50);
    assert.equal(archiving?.bytes.done, 450);
    assert.equal(archiving.rate, 25);
  });

  void it('count what moved once, when the catalogue has caught up with it', () => {
    const first = stages(halfWay, still);
    const later = { ...halfWay, bytes: { ...halfWay.bytes, registered: 300, packaged: 700 } };
    assert.equal(stages(later, { done: () => 100, rate: () => 0 }, first)[0]?.bytes.done, 700);
    assert.equal(stages(later, still, first)[0]?.bytes.done, 700);
  });

  void it('never go beyond the total', () => {
    const [done] = stages(halfWay, { done: () => 5000, rate: () => 1 }) as [Stage];
    assert.equal(done.bytes.done, 1000);
    assert.equal(done.secondsLeft, undefined);
  });
});

void describe('the live display', () => {
  void it('makes names printable and keeps to the width of the terminal', () => {
    const hostile = '\u001b[2J evil\nname '.repeat(20);
    const lines = frame(
      view({
        source: hostile,
        waiting: [{ workflowId: hostile, reason: hostile }],
        problems: [{ subject: hostile, message: 'x' }],
      }),
      60,
      plain,
    );
    // eslint-disable-next-line no-control-regex -- looking for control characters
    for (const line of lines) assert.doesNotMatch(line, /[\u0000-\u001f]/);
    for (const line of lines) assert.ok(line.length <= 60, line);
  });

  void it('shows the first few problems and counts the rest', () => {
    const problems = Array.from({ length: 10 }, (_, i) => ({ subject: `file ${i}`, message: 'refused' }));
    const lines = frame(view({ problems }), 80, plain);
    assert.equal(lines.filter((line) => line.includes('refused')).length, 3);
    assert.ok(lines.some((line) => line.includes('7 more problems')));
  });

  void it('says in one line how far things are where there is no terminal', () => {
    const line = summaryLine(view({ trouble: ['catalogue unreachable since 10:00:00 UTC'] }));
    assert.equal(
      line,
      '01:01 | packaged 6/10 files (600 B) | archived 4/10 files (400 B) | packages: 1 creating, 2 archived | catalogue unreachable since 10:00:00 UTC',
    );
  });

  void it('has colours on a terminal only, and never with NO_COLOR', () => {
    assert.equal(styleFor({ isTTY: true }, { NO_COLOR: '1' }).bad('x'), 'x');
    assert.equal(styleFor({ isTTY: false }, {}).bad('x'), 'x');
    assert.notEqual(styleFor({ isTTY: true }, { TERM: 'xterm' }).bad('x'), 'x');
  });

  void it('draws tables without escape sequences', () => {
    const drawn = table(['name', 'size'], [['a\u001b[31mb', '1']], { right: [1] });
    assert.ok(!drawn.includes('\u001b'));
    assert.ok(drawn.includes('a\\u001b[31mb'));
  });
});
