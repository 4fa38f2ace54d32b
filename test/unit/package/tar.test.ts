import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import { PackageError } from '../../../src/core/exceptions.js';
import { TarReader, type TarReaderEntry } from '../../../src/core/utilities/tar-reader.js';
import { END_OF_ARCHIVE, padding, tarHeader, type TarEntry } from '../../../src/core/utilities/tar-writer.js';

const FILE: TarEntry = {
  path: 'bag/data/file',
  kind: 'file',
  size: 0,
  mode: 0o100640,
  mtime: 1_700_000_000n,
};

/** Reads a tar in pieces of one size. */
function read(tar: Buffer, piece = tar.length): { entries: TarReaderEntry[]; contents: Buffer[] } {
  const entries: TarReaderEntry[] = [];
  const contents: Buffer[] = [];
  const reader = new TarReader({
    onEntry: (entry) => {
      entries.push(entry);
      contents.push(Buffer.alloc(0));
    },
    onContent: (bytes) => contents.push(Buffer.concat([contents.pop() ?? Buffer.alloc(0), bytes])),
    onEntryEnd: () => assert.equal(contents.at(-1)?.length, entries.at(-1)?.size),
  });
  for (let at = 0; at < tar.length; at += piece) reader.push(tar.subarray(at, at + piece));
  reader.end();
  return { entries, contents };
}

test('any path, link and content come back from the reader, in whatever pieces the tar arrives', () => {
  const bytes = (maxLength: number) =>
    fc
      .uint8Array({ minLength: 1, maxLength, min: 1 })
      .map((raw) => Buffer.from(raw.map((byte) => (byte === 0x2f ? 0x78 : byte))));
  fc.assert(
    fc.property(
      bytes(300),
      bytes(300),
      fc.uint8Array({ maxLength: 1500 }),
      fc.integer({ min: 1, max: 2000 }),
      (path, target, raw, piece) => {
        const content = Buffer.from(raw);
        const [name, linkTarget] = [path.toString('latin1'), target.toString('latin1')];
        const tar = Buffer.concat([
          tarHeader({ ...FILE, path: name, size: content.length }),
          content,
          padding(content.length),
          tarHeader({ ...FILE, path: name, kind: 'symlink', linkTarget }),
          tarHeader({ ...FILE, path: name, kind: 'directory' }),
          END_OF_ARCHIVE,
        ]);
        const { entries, contents } = read(tar, piece);
        const facts = { mode: 0o640, mtime: 1_700_000_000 };
        assert.deepEqual(entries, [
          { path, type: 'File', size: content.length, ...facts },
          { path, type: 'SymbolicLink', size: 0, ...facts, linkTarget: target },
          { path, type: 'Directory', size: 0, ...facts },
        ]);
        assert.deepEqual(contents[0], content);
      },
    ),
    { numRuns: 300 },
  );
});

test('a file of more than 8 GiB has its size where GNU tar finds it', () => {
  const size = 9 * 2 ** 30 + 1;
  const header = tarHeader({ ...FILE, size });
  const found: TarReaderEntry[] = [];
  new TarReader({
    onEntry: (entry) => found.push(entry),
    onContent: () => assert.fail(),
    onEntryEnd: () => assert.fail(),
  }).push(header);
  assert.equal(found[0]?.size, size);
  assert.match(
    spawnSync('tar', ['tvf', '-'], { input: header }).stdout.toString(),
    new RegExp(` ${size} .* bag/data/file`),
  );
});

test('times before 1970 and far in the future are kept to the second', () => {
  for (const mtime of [-86_400n, 0n, 0o77777777777n, 20_000_000_000n]) {
    const listing = spawnSync('tar', ['--utc', '--full-time', '-tvf', '-'], {
      input: Buffer.concat([tarHeader({ ...FILE, mtime }), END_OF_ARCHIVE]),
    });
    const expected = new Date(Number(mtime) * 1000).toISOString().slice(0, 19).replace('T', ' ');
    assert.ok(listing.stdout.toString().includes(expected), `${expected}: ${listing.stdout.toString()}`);
  }
});

test('setuid and setgid do not get into a package', () => {
  const listing = spawnSync('tar', ['tvf', '-'], {
    input: Buffer.concat([tarHeader({ ...FILE, mode: 0o106755 }), END_OF_ARCHIVE]),
  });
  assert.match(listing.stdout.toString(), /^-rwxr-xr-x (?:0|root)\/(?:0|root)/);
});

test('a tar that is cut off, changed or goes on after its end is refused', () => {
  const tar = Buffer.concat([
    tarHeader({ ...FILE, size: 5 }),
    Buffer.from('hello'),
    padding(5),
    END_OF_ARCHIVE,
  ]);
  const changed = Buffer.from(tar);
  changed[3] = 0x58;
  const broken = [
    tar.subarray(0, 700),
    tar.subarray(0, 1600),
    changed,
    Buffer.concat([tar, tar]),
    Buffer.from('no tar at all'),
    Buffer.alloc(0),
  ];
  for (const bytes of broken) assert.throws(() => read(bytes), PackageError);
  assert.equal(read(tar).entries.length, 1);
});
