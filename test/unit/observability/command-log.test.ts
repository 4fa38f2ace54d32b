import assert from 'node:assert/strict';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { openCommandLog, COMMAND_LOG_LIMITS } from '../../../src/core/command-log.js';
import { withScratch } from '../../support/scratch.js';

test('what a command says is in its file, without secrets, also where a line comes in pieces', (t) =>
  withScratch(t, async (directory) => {
    const log = await openCommandLog(join(directory, 'logs'), '../bbcp of ccat/obs-1');
    for (const piece of [
      'bbcp: 10% done\r20% done\n',
      'pass',
      'word=hunter22 refused\n',
      'last line without end',
    ])
      log.writable.write(piece);
    log.writable.end();
    await log.closed;
    assert.equal(
      await readFile(log.reference, 'utf8'),
      'bbcp: 10% done\r20% done\npassword=*** refused\nlast line without end',
    );
    assert.match(basename(log.reference), /^bbcp-of-ccat-obs-1\.[0-9a-f-]{36}\.log$/);
    assert.equal(dirname(log.reference), join(directory, 'logs'));
  }));

test('a command that says too much leaves the latest of it, in two files of bounded size', (t) =>
  withScratch(t, async (directory) => {
    const log = await openCommandLog(directory, 'chatty', { ...COMMAND_LOG_LIMITS, fileBytes: 1000 });
    for (let line = 1; line <= 1000; line++)
      if (!log.writable.write(`line ${line}\n`))
        await new Promise((resolve) => log.writable.once('drain', resolve));
    log.writable.end();
    await log.closed;
    const [now, before] = [
      await readFile(log.reference, 'utf8'),
      await readFile(`${log.reference}.1`, 'utf8'),
    ];
    assert.ok(now.endsWith('line 1000\n'));
    assert.ok(now.length <= 1000 && before.length <= 1000);
    assert.equal((await readdir(directory)).length, 2);
  }));

test('old logs, and the oldest of too many, go when a new one is opened; nothing else does', (t) =>
  withScratch(t, async (directory) => {
    const make = async (name: string, bytes: number, daysAgo: number) => {
      await writeFile(join(directory, name), Buffer.alloc(bytes));
      const at = new Date(Date.now() - daysAgo * 86_400_000);
      await utimes(join(directory, name), at, at);
    };
    await make('old.log', 1, 100);
    await make('big-1.log', 400, 3);
    await make('big-2.log.1', 400, 2);
    await make('big-3.log', 400, 1);
    await make('notes.txt', 5000, 200);
    const log = await openCommandLog(directory, 'new', { ...COMMAND_LOG_LIMITS, totalBytes: 1000 });
    log.writable.end();
    await log.closed;
    assert.deepEqual(
      (await readdir(directory)).sort(),
      ['big-2.log.1', 'big-3.log', basename(log.reference), 'notes.txt'].sort(),
    );
    // Months of logs are not looked through for each new one.
    await make('old.log', 1, 100);
    const next = await openCommandLog(directory, 'next');
    next.writable.end();
    await next.closed;
    assert.ok((await readdir(directory)).includes('old.log'));
  }));
