import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  lstatSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConfigurationError } from '../../../src/core/exceptions.js';
import { bagInfoText, DECLARATION, manifestLine, payloadOxum } from '../../../src/core/package/bag.js';
import { BagContents } from '../../../src/core/package/bag-contents.js';
import { Packer, type EntryOutcome } from '../../../src/core/package/packer.js';
import type { SourceEntry } from '../../../src/core/package/package-result.js';
import { roomFor, shareOut } from '../../../src/core/package/shares.js';
import { wholeSeconds } from '../../../src/core/package/source-member.js';
import { findSourceRoot } from '../../../src/core/package/source-root.js';
import { bytesOfText, encodePath, type PathBytes } from '../../../src/core/utilities/path-text.js';
import { inTurn } from '../../../src/core/utilities/shared-blocks.js';
import { END_OF_ARCHIVE, padded, padding, tarHeader } from '../../../src/core/utilities/tar-writer.js';
import { withScratch } from '../../support/scratch.js';
import { buildTree } from '../../support/weird-tree.js';
import { folders, scan } from './support.js';

const BAG_INFO = { 'Bagging-Date': '2026-11-23' };

/**
 * The bag of these entries as they were found, put together the plain way: what every arrangement of blocks and threads must give. Files
 * may have grown since.
 */
function plainBag(source: string, entries: SourceEntry[]): Buffer {
  const parts: Buffer[] = [];
  const manifest: Buffer[] = [];
  let [newest, files, bytes] = [0n, 0, 0];
  const add = (path: PathBytes, content: Buffer, mode: number, mtime: bigint) =>
    parts.push(
      tarHeader({ path, kind: 'file', size: content.length, mode, mtime }),
      content,
      padding(content.length),
    );
  for (const entry of entries) {
    const path = Buffer.from(`${latin1(source)}/${bytesOfText(entry.path)}`, 'latin1');
    const inBag = `data/${bytesOfText(entry.path)}`;
    const stats = lstatSync(path, { bigint: true });
    const [mode, mtime] = [Number(stats.mode), BigInt(Math.floor(Number(entry.mtimeNs) / 1e9))];
    if (mtime > newest) newest = mtime;
    const name = `bag/${inBag}`;
    if (entry.kind === 'file') {
      const content = readFileSync(path).subarray(0, entry.size);
      add(name, content, mode, mtime);
      manifest.push(manifestLine(sha256(content), Buffer.from(inBag, 'latin1')));
      files += 1;
      bytes += content.length;
    } else {
      const linkTarget = entry.kind === 'symlink' ? readlinkSync(path, 'latin1') : undefined;
      parts.push(tarHeader({ path: name, kind: entry.kind, size: 0, mode, mtime, linkTarget }));
    }
  }
  if (entries.length === 0)
    parts.push(tarHeader({ path: 'bag/data', kind: 'directory', size: 0, mode: 0o755, mtime: 0n }));
  const tags: [string, Buffer][] = [
    ['bagit.txt', Buffer.from(DECLARATION)],
    ['bag-info.txt', Buffer.from(bagInfoText({ ...BAG_INFO, 'Payload-Oxum': payloadOxum(bytes, files) }))],
    ['manifest-sha256.txt', Buffer.concat(manifest)],
  ];
  const lines = tags.map(([name, content]) => manifestLine(sha256(content), Buffer.from(name)));
  tags.push(['tagmanifest-sha256.txt', Buffer.concat(lines)]);
  for (const [name, content] of tags) add(`bag/${name}`, content, 0o644, newest);
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

/** Fills block after block, by two packers in turn as the writer has it, and puts together what they say; `between` runs before each block. */
async function together(
  source: string,
  entries: SourceEntry[],
  blockBytes: number,
  between: (block: number) => void = () => undefined,
) {
  const root = await findSourceRoot(source, ConfigurationError);
  const packers = inTurn([new Packer({ root, name: 'bag' }), new Packer({ root, name: 'bag' })]);
  const contents = new BagContents();
  const outcomes: EntryOutcome[] = [];
  let packer = packers.next().value;
  let tar: Buffer[] = [];
  let begun = 0;
  let marked: Buffer[] | undefined;
  let block = 0;
  for (const share of shareOut('bag', entries, blockBytes)) {
    between(block++);
    if (share.length > 0) packer = packers.next().value;
    const bytes = Buffer.alloc(blockBytes);
    const filled = packer.fill(bytes, share);
    if (filled.turn === 'begins') marked = [...tar];
    if (filled.turn === 'undone') {
      assert.ok(marked !== undefined && filled.length === 0, 'there is no mark to go back to');
      tar = marked;
    }
    tar.push(bytes.subarray(0, filled.length));
    begun = filled.begun;
    outcomes.push(...filled.outcomes);
  }
  assert.equal(begun, 0, 'a file is not at its end');
  assert.equal(outcomes.length, entries.length);
  outcomes.forEach((outcome, at) => contents.note(entries[at]!, outcome));
  return { tar: Buffer.concat([...tar, ...contents.rest('bag', BAG_INFO)]), outcomes };
}

function latin1(text: string | Uint8Array): PathBytes {
  return Buffer.from(text as Uint8Array).toString('latin1');
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('a tree of awkward names gives the same bytes, whatever the size of the blocks', async (t) => {
  await withScratch(t, async (directory) => {
    const { source } = folders(directory);
    buildTree(source, { files: 120, seed: 11, bigFiles: [3_000_000, 70_000] });
    const { entries } = await scan(source);
    const expected = plainBag(source, entries);
    for (const blockBytes of [512, 4096, 10_007, 65_536, 1_048_576, 16_777_216]) {
      const { tar } = await together(source, entries, blockBytes);
      assert.equal(sha256(tar), sha256(expected), `blocks of ${blockBytes} bytes`);
    }
  });
});

test('files that change at any moment leave the bag of the others, wherever the blocks end', async (t) => {
  await withScratch(t, async (directory) => {
    let run = 0;
    const sizes = fc.array(fc.integer({ min: 0, max: 6000 }), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.integer({ min: 600, max: 5000 }),
        fc.array(fc.tuple(fc.nat(11), fc.nat(20)), { maxLength: 4 }),
        async (files, blockBytes, changes) => {
          const source = join(directory, String((run += 1)));
          mkdirSync(source);
          files.forEach((size, at) => writeFileSync(join(source, `f${at}`), Buffer.alloc(size, at + 1)));
          const { entries } = await scan(source);
          const change = (block: number) => {
            for (const [file, when] of changes)
              if (when === block && file < files.length) appendFileSync(join(source, `f${file}`), 'more');
          };
          const { tar, outcomes } = await together(source, entries, blockBytes, change);
          const taken = entries.filter((_, at) => 'ctimeNs' in outcomes[at]!);
          const left = entries.filter(({ path, size }) => statSync(join(source, path)).size === size);
          for (const entry of left)
            assert.ok(taken.includes(entry), 'a file that did not change is not in the bag');
          assert.deepEqual(tar, plainBag(source, taken));
        },
      ),
      { numRuns: 150 },
    );
  });
});

test('no entry takes more room in a tar than it is given', () => {
  const name = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'B', '7', '.x'), minLength: 1, maxLength: 280 }),
    fc.uint8Array({ min: 1, minLength: 1, maxLength: 280 }).map((raw) => encodePath(withoutSlash(raw))),
  );
  const entry = fc.record({
    path: fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
    kind: fc.constantFrom('file' as const, 'symlink' as const, 'directory' as const),
    size: fc.oneof(fc.nat(100_000), fc.maxSafeNat()),
    mtimeNs: fc
      .oneof(fc.bigInt(-(10n ** 19n), 10n ** 19n), fc.constant(1_764_547_200_123_456_789n))
      .map(String),
  });
  const target = fc.uint8Array({ min: 1, minLength: 1, maxLength: 4095 }).map((raw) => latin1(raw));
  fc.assert(
    fc.property(entry, target, (found, linkTarget) => {
      const size = found.kind === 'file' ? found.size : 0;
      const header = tarHeader({
        ...found,
        path: `bag/data/${bytesOfText(found.path)}`,
        size,
        mode: 0o644,
        mtime: wholeSeconds(BigInt(found.mtimeNs)),
        ...(found.kind === 'symlink' && { linkTarget }),
      });
      assert.ok(header.length + padded(size) <= roomFor('bag', { ...found, size }));
    }),
    { numRuns: 500 },
  );
});

function withoutSlash(raw: Uint8Array): Buffer {
  return Buffer.from(raw.map((byte) => (byte === 0x2f ? 0x78 : byte)));
}
