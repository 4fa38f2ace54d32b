import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync } from 'node:fs';

/** A relative path as the bytes of its name, one character for each byte, so that it can be a key. */
export type PathKey = string;

export type TreeEntry =
  | { kind: 'file'; bytes: number; sha256: string; mode: number; mtimeSeconds: number }
  | { kind: 'symlink'; target: PathKey }
  | { kind: 'directory' }
  | { kind: 'other' };

export type Tree = Map<PathKey, TreeEntry>;

const block = Buffer.alloc(1024 * 1024);

/** Everything below a directory, links not followed, every file read. */
export function readTree(root: string): Tree {
  const tree: Tree = new Map();
  for (const { key, path } of walk(root)) tree.set(key, readEntry(path));
  return tree;
}

/** What can be seen of a tree without reading files; it changes whenever anything in it is written, moved or touched. */
export function fingerprint(root: string): Map<PathKey, string> {
  const marks = new Map<PathKey, string>();
  for (const { key, path } of walk(root)) {
    const stat = lstatSync(path, { bigint: true });
    marks.set(key, [stat.ino, stat.mode, stat.nlink, stat.size, stat.mtimeNs, stat.ctimeNs].join(' '));
  }
  return marks;
}

/** The regular files of a tree and their bytes. */
export function countFiles(tree: Tree): { files: number; bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const entry of tree.values()) {
    if (entry.kind !== 'file') continue;
    files += 1;
    bytes += entry.bytes;
  }
  return { files, bytes };
}

/** A line for each entry that is missing, too much or different; at most 20, and how many more there are. */
export function differences(expected: Tree, found: Tree): string[] {
  const lines: string[] = [];
  for (const [key, entry] of expected) {
    const other = found.get(key);
    if (other === undefined) lines.push(`missing: ${shown(key)} (${entry.kind})`);
    else if (JSON.stringify(entry) !== JSON.stringify(other)) {
      lines.push(`different: ${shown(key)}: ${JSON.stringify(entry)} became ${JSON.stringify(other)}`);
    }
  }
  for (const [key, entry] of found)
    if (!expected.has(key)) lines.push(`too much: ${shown(key)} (${entry.kind})`);
  return lines.length <= 20 ? lines : [...lines.slice(0, 20), `and ${lines.length - 20} more`];
}

export function keyOf(path: Buffer | string): PathKey {
  return (typeof path === 'string' ? Buffer.from(path) : path).toString('latin1');
}

export function pathOf(root: string, key: PathKey): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(key, 'latin1')]);
}

/** Every path below a directory, a directory before what it contains. */
export function* walk(root: string, below: PathKey = ''): Generator<{ key: PathKey; path: Buffer }> {
  const directory = below === '' ? Buffer.from(root) : pathOf(root, below);
  const names = readdirSync(directory, { encoding: 'buffer' }).sort((one, other) => one.compare(other));
  for (const name of names) {
    const key = below === '' ? keyOf(name) : `${below}/${keyOf(name)}`;
    const path = pathOf(root, key);
    yield { key, path };
    if (lstatSync(path).isDirectory()) yield* walk(root, key);
  }
}

function readEntry(path: Buffer): TreeEntry {
  const stat = lstatSync(path, { bigint: true });
  if (stat.isDirectory()) return { kind: 'directory' };
  if (stat.isSymbolicLink())
    return { kind: 'symlink', target: keyOf(readlinkSync(path, { encoding: 'buffer' })) };
  if (!stat.isFile()) return { kind: 'other' };
  const { bytes, sha256 } = digestFile(path);
  const mtimeSeconds = Number(stat.mtimeNs / 1_000_000_000n);
  return { kind: 'file', bytes, sha256, mode: Number(stat.mode & 0o7777n), mtimeSeconds };
}

/** Size and SHA-256 (hex) of a file's content. */
export function digestFile(path: Buffer | string): { bytes: number; sha256: string } {
  const hash = createHash('sha256');
  const file = openSync(path, 'r');
  try {
    let bytes = 0;
    for (;;) {
      const read = readSync(file, block);
      if (read === 0) return { bytes, sha256: hash.digest('hex') };
      hash.update(block.subarray(0, read));
      bytes += read;
    }
  } finally {
    closeSync(file);
  }
}

function shown(key: PathKey): string {
  return JSON.stringify(key.length > 200 ? `${key.slice(0, 100)}...${key.slice(-60)}` : key);
}
