import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigurationError, PermanentError } from '../../../src/core/exceptions.js';
import { moduleOfHeader, normalizeModule } from '../../../src/core/package/instrument-module.js';
import { withScratch } from '../../support/scratch.js';
import { folders, kinds, scan, withoutRights } from './support.js';

/** The first block of a FITS file with these cards. */
function header(...cards: string[]): Buffer {
  const all = [
    'SIMPLE  =                    T',
    'BITPIX  =                    8',
    'NAXIS   =                    0',
    ...cards,
    'END',
  ];
  return Buffer.from(
    all
      .map((card) => card.padEnd(80))
      .join('')
      .padEnd(2880),
    'latin1',
  );
}

test('first-level folders are units, loose files are one more, named like the source', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    mkdirSync(join(source, 'obs 1', 'deep', 'er'), { recursive: true });
    mkdirSync(join(source, 'obs 2', 'empty'), { recursive: true });
    for (const path of ['loose', 'obs 1/a', 'obs 1/deep/er/b', 'obs 2/c'])
      writeFileSync(join(source, path), 'x');
    symlinkSync('/etc', join(source, 'obs 2', 'link'));
    const { entries } = await scan(source);
    assert.deepEqual(
      entries.map(({ path, kind, size, executedObsUnit }) => [executedObsUnit, path, kind, size]),
      [
        ['source', 'loose', 'file', 1],
        ['obs 1', 'obs 1/a', 'file', 1],
        ['obs 1', 'obs 1/deep/er/b', 'file', 1],
        ['obs 2', 'obs 2/c', 'file', 1],
        ['obs 2', 'obs 2/link', 'symlink', 0],
        ['obs 2', 'obs 2/empty', 'directory', 0],
      ],
    );
  });
});

test('units that are looked at side by side come in their order, large ones and small ones', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    const expected: string[] = [];
    // More than two messages' worth, one that just fills one, and a few files.
    for (const [unit, files] of [1201, 3, 500, 1, 40].entries()) {
      mkdirSync(join(source, `obs-${unit}`));
      for (let file = 0; file < files; file++) {
        const path = `obs-${unit}/${String(file).padStart(4, '0')}`;
        writeFileSync(join(source, path), '');
        expected.push(path);
      }
    }
    const { entries } = await scan(source);
    assert.deepEqual(
      entries.map(({ path }) => path),
      expected,
    );
    assert.ok(entries.every(({ path, executedObsUnit }) => path.startsWith(`${executedObsUnit}/`)));
  });
});

test('a folder without a file is no observation: it goes with the loose files, else with the first unit', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    mkdirSync(join(source, 'a', 'empty'), { recursive: true });
    symlinkSync('/etc', join(source, 'loose link'));
    const unitsOf = async () =>
      Object.fromEntries(
        (await scan(source)).entries.map(({ path, executedObsUnit }) => [path, executedObsUnit]),
      );
    assert.deepEqual(await unitsOf(), { 'a/empty': 'a', 'loose link': 'source' });
    mkdirSync(join(source, 'b'));
    writeFileSync(join(source, 'b', 'file'), '');
    assert.deepEqual(await unitsOf(), { 'a/empty': 'b', 'loose link': 'b', 'b/file': 'b' });
    writeFileSync(join(source, 'loose'), '');
    assert.deepEqual(await unitsOf(), {
      'a/empty': 'source',
      'loose link': 'source',
      'b/file': 'b',
      loose: 'source',
    });
  });
});

test('links and folders go with a module that has files', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    mkdirSync(join(source, 'unit', 'empty'), { recursive: true });
    writeFileSync(join(source, 'unit', 'a.fits'), header("INSTRUME= 'Prime-Cam'"));
    writeFileSync(join(source, 'unit', 'b.fits'), header("INSTRUME= 'CHAI    '"));
    const { entries } = await scan(source);
    assert.equal(entries.find(({ path }) => path === 'unit/empty')?.instrumentModule, 'CHAI');
  });
});

test('files without a module take the one of their unit, if it has exactly one', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    for (const unit of ['one', 'two', 'none']) mkdirSync(join(source, unit));
    for (const unit of ['one', 'two', 'none']) writeFileSync(join(source, unit, 'log'), '');
    writeFileSync(join(source, 'one', 'a.fits'), header("INSTRUME= 'CHAI    '           / heterodyne"));
    writeFileSync(join(source, 'two', 'a.fits'), header("INSTRUME= 'CHAI    '"));
    writeFileSync(join(source, 'two', 'b.FIT'), header("INSTRUME= 'Prime-Cam'"));
    writeFileSync(join(source, 'none', 'not.fits'), 'text');
    const { entries } = await scan(source);
    assert.deepEqual(
      Object.fromEntries(entries.map(({ path, instrumentModule }) => [path, instrumentModule])),
      {
        'none/log': 'unassigned',
        'none/not.fits': 'unassigned',
        'one/a.fits': 'CHAI',
        'one/log': 'CHAI',
        'two/a.fits': 'CHAI',
        'two/b.FIT': 'Prime-Cam',
        'two/log': 'unassigned',
      },
    );
  });
});

test('a FITS header names its module by INSTRUME and MODULE, also after an empty first image', () => {
  assert.equal(moduleOfHeader(header("INSTRUME= 'Prime-Cam'", "MODULE  = '280 GHz'")), 'Prime-Cam-280-GHz');
  assert.equal(moduleOfHeader(header("INSTRUME= 'O''Hara / x' / comment")), 'O-Hara-x');
  const extension = Buffer.from(
    ["XTENSION= 'BINTABLE'", "INSTRUME= 'CHAI'", 'END'].map((card) => card.padEnd(80)).join(''),
  );
  assert.equal(moduleOfHeader(Buffer.concat([header(), extension])), 'CHAI');
  assert.equal(moduleOfHeader(header("COMMENT INSTRUME= 'CHAI'")), undefined);
  assert.equal(moduleOfHeader(header().subarray(0, 100)), undefined);
  assert.equal(moduleOfHeader(Buffer.from("no FITS INSTRUME= 'CHAI'")), undefined);
});

test('the name of a module has no character that could mean something to a path or a shell', () => {
  for (const name of ['../../etc', '-rf', '.hidden', "a';drop", 'é', '\n', 'x'.repeat(100), '']) {
    assert.match(normalizeModule(name), /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,46}[A-Za-z0-9])?)?$/);
  }
});

test('a file counts as quiet when it was left alone for the whole period', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    const now = Date.now();
    const ages = { old: 61, young: 59, future: -3600 };
    for (const [name, age] of Object.entries(ages)) {
      writeFileSync(join(source, name), '');
      utimesSync(join(source, name), now / 1000, now / 1000 - age);
    }
    const quietAt = async (at: number) =>
      (await scan(source, { quietSeconds: 60, now: at })).entries
        .filter(({ quiet }) => quiet)
        .map(({ path }) => path);
    assert.deepEqual(await quietAt(now), ['old']);
    // A clock that was ahead when it wrote must not keep a file back until then.
    assert.deepEqual(await quietAt(now + 120_000), ['future', 'old', 'young']);
  });
});

test('what is no file, link or folder, what can not be read and what is too deep is refused with a reason', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    mkdirSync(join(source, 'unit', 'closed'), { recursive: true });
    mkdirSync(join(source, 'special'));
    execFileSync('mkfifo', [join(source, 'special', 'fifo')]);
    const server = createServer().listen(join(source, 'special', 'socket'));
    const deep = Array.from({ length: 19 }, () => 'd'.repeat(200)).join('/');
    mkdirSync(join(source, deep), { recursive: true });
    writeFileSync(join(source, deep, 'f'.repeat(100)), '');
    const { entries, refused } = await withoutRights(join(source, 'unit', 'closed'), () => scan(source));
    server.close();
    assert.deepEqual(kinds(refused), [
      `${deep}/${'f'.repeat(100)}: unsupported`,
      'special/fifo: unsupported',
      'special/socket: unsupported',
      'unit/closed: unreadable',
    ]);
    assert.deepEqual(refused.find(({ path }) => path === 'unit/closed')?.executedObsUnit, 'unit');
    // Nothing in it can be packaged, yet the folder itself can.
    assert.deepEqual(
      entries.map(({ path, kind }) => `${path}: ${kind}`),
      [`${deep}: directory`, 'special: directory'],
    );
  });
});

test('a source that does not exist, is no folder or may not be read is told at once, with advice', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    writeFileSync(join(source, 'file'), '');
    const advised = (Class: typeof PermanentError | typeof ConfigurationError) => (error: unknown) =>
      error instanceof Class && error.advice !== undefined;
    await assert.rejects(scan(join(source, 'nowhere')), advised(ConfigurationError));
    await assert.rejects(scan(join(source, 'file')), advised(ConfigurationError));
    await withoutRights(source, () => assert.rejects(scan(source), advised(PermanentError)));
  });
});

test('a scan stops when asked to', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    writeFileSync(join(source, 'file'), '');
    const reason = new Error('stop');
    await assert.rejects(scan(source, { signal: AbortSignal.abort(reason) }), reason);
  });
});
