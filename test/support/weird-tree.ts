import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { keyOf, pathOf, type PathKey, type Tree } from './tree.js';
import { Random } from './random.js';

export interface WeirdTreeOptions {
  /** Regular files at least; the awkward ones come first, ordinary ones fill up. */
  files: number;
  seed: number;
  /** Sizes in bytes of large files, one each. */
  bigFiles: number[];
}

/** Names that have broken archivers, shells, databases or terminals; each becomes a file and a folder. */
const AWKWARD_NAMES: (string | Buffer)[] = [
  ...['with space', ' leading and trailing ', "single'quote", 'double"quote', '`backtick`', 'tab\tinside'],
  ...[
    'new\nline',
    '\nstarts with newline',
    'ends with newline\n',
    'carriage\rreturn',
    'ends with CR\r',
    'both\r\nof them',
  ],
  ...[
    'back\\slash',
    '\\n written out',
    'trailing backslash\\',
    '\\',
    '%',
    '%0A',
    '100%25',
    '%%41%zz',
    'per%cent',
  ],
  ...[
    '-rf',
    '--help',
    '-',
    '--',
    '@list',
    '.hidden',
    '...',
    '..data',
    '~',
    '~root',
    '#comment',
    '!',
    '=',
    'C:\\CON',
    'a:b',
  ],
  ...['*', '?', '[abc]', '{a,b}', '$HOME', '$(touch owned)', ';', '|', '&', '<>', '(', 'a;rm -rf b'],
  ...[
    'Orion-\u00e9toile',
    'Orion-e\u0301toile',
    '\u5b87\u5b99',
    '\u{1f52d}',
    '\u202ertl',
    '\u2028',
    '\ufeffbom',
    '\u00a0',
    '\u200b',
  ],
  ...[
    '\u0001\u001b[31mred\u007f',
    '\u009b31m',
    'bagit.txt',
    'manifest-sha256.txt',
    'data',
    'null',
    'undefined',
    '__proto__',
  ],
  Buffer.from([0x6c, 0x61, 0x74, 0x69, 0x6e, 0xe9]),
  Buffer.from([0xff, 0xfe, 0x80]),
  Buffer.from([0x25, 0xff, 0x25, 0x34, 0x31]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xc3]),
  Buffer.concat([Buffer.from('x'.repeat(254)), Buffer.from([0xe9])]),
  'n'.repeat(255),
  '\u00e9'.repeat(127),
  '\n'.repeat(255),
];

/** First-level folders, each one executed observation unit; a few have awkward names themselves. */
const UNITS: (string | Buffer)[] = [
  '2026-11-23T02-14-07_CHAI_Orion-KL',
  '2026-11-23T03-40-51_PrimeCam_COSMOS',
  'unit with spaces',
  '-leading-dash',
  '.hidden-unit',
  'line\nbreak',
  '%2e%2e',
  '\u00fcnit',
  'u\u0308nit',
  Buffer.from([0x75, 0x6e, 0x69, 0x74, 0xff]),
  'u'.repeat(255),
];

const AWKWARD_UNIT = 'awkward names';

/**
 * Fills an empty directory with a tree of awkward names, sizes and kinds, the same one for the same options.
 *
 * @returns what was written, as {@link readTree} would find it
 */
export function buildTree(root: string, options: WeirdTreeOptions): Tree {
  const builder = new TreeBuilder(root, new Random(options.seed));
  for (const name of AWKWARD_NAMES) {
    builder.file(join(AWKWARD_UNIT, name));
    builder.file(join(AWKWARD_UNIT, 'folders', name, name));
  }
  // The same names once more as loose files, which together are one unit.
  for (const name of ['-rf', 'bagit.txt', 'new\nline', '%0A', Buffer.from([0xff, 0x0a])])
    builder.file(keyOf(name));
  addUnits(builder);
  addDeepPaths(builder);
  addLinks(builder);
  addEmptyThings(builder);
  options.bigFiles.forEach((bytes, index) =>
    builder.file(join(unit(index), 'raw', `big-${index}.dat`), bytes),
  );
  for (let index = 0; builder.fileCount < options.files; index += 1) {
    builder.file(join(unit(index), `scan ${index % 7}`, `subscan_${String(index).padStart(5, '0')}.dat`));
  }
  return builder.tree;
}

/** Two instruments in one unit make two packages of it. */
function addUnits(builder: TreeBuilder): void {
  for (const [index, instrument] of ['CHAI', 'Prime-Cam', "O'Hara \\ 100%", 'CHAI'].entries()) {
    for (const part of [0, 1, 2])
      builder.fits(join(unit(index % 2), 'fits', `${index}-${part}.fits`), instrument);
  }
  builder.file(join(unit(0), 'fits', 'not really.fits'), 5000);
  builder.file(join(unit(0), 'fits', 'empty.fits'), 0);
}

function addDeepPaths(builder: TreeBuilder): void {
  const long = Array.from({ length: 14 }, (_, level) => `${level}-`.padEnd(210, 'deep'));
  builder.file(join(unit(1), ...long, 'bottom.dat'), 1000);
  const many = Array.from({ length: 400 }, () => 'd');
  builder.file(join(unit(2), ...many, 'bottom.dat'), 1000);
  // Just around the 100 and 155 + 100 bytes that a classic tar header can hold.
  for (const length of [98, 99, 100, 101, 154, 155, 156, 255])
    builder.file(join(unit(3), 'length', 'l'.repeat(length)), length);
}

function addLinks(builder: TreeBuilder): void {
  const at = (name: string | Buffer) => join('links and copies', name);
  builder.file(at('original'), 70_000);
  builder.hardLink(at('original'), at('hard link'));
  builder.hardLink(at('original'), join(unit(4), 'hard link over units'));
  for (const copy of ['copy 1', 'copy 2']) builder.copyOf(at('original'), at(copy));
  builder.copyOf(at('original'), join(unit(5), 'same content elsewhere'));
  builder.symlink('original', at('relative link'));
  builder.symlink(`../${UNITS[0]!.toString()}`, at('link to a directory'));
  builder.symlink('/etc/passwd', at('absolute link out'));
  builder.symlink('../../../../../../etc', at('relative link out'));
  builder.symlink('nowhere', at('dangling'));
  builder.symlink('.', at('to itself'));
  builder.symlink(Buffer.from([0xff, 0x0a, 0x25]), at(Buffer.from([0xfe, 0x5c])));
  builder.symlink('t'.repeat(180), at('long target'));
  builder.symlink(`${'s/'.repeat(700)}t`, at('very long target'));
  builder.symlink('links and copies/original', keyOf('loose link'));
}

function addEmptyThings(builder: TreeBuilder): void {
  builder.file(join(unit(6), 'empty file'), 0);
  builder.directory('empty unit');
  builder.directory(join(unit(6), 'empty', 'nested', 'folder'));
  builder.directory(join(unit(7), Buffer.from([0xe9, 0x0a])));
  builder.directory(join(AWKWARD_UNIT, 'e'.repeat(255)));
  builder.directory(join('unit with empty folders only', 'nothing', 'here'));
}

function unit(index: number): PathKey {
  return keyOf(UNITS[index % UNITS.length]!);
}

/** Joins components; a string that comes from {@link keyOf} already must be ASCII or the first one. */
function join(first: PathKey, ...rest: (string | Buffer)[]): PathKey {
  return [first, ...rest.map((name) => keyOf(name))].join('/');
}

class TreeBuilder {
  readonly tree: Tree = new Map();
  fileCount = 0;
  /** How the content of a file was made, so that another file can have the same. */
  private readonly contents = new Map<PathKey, Buffer[]>();

  constructor(
    private readonly root: string,
    private readonly random: Random,
  ) {}

  /** A file of random content; most are small, a few kilobytes on average. */
  file(
    key: PathKey,
    bytes = this.random.fraction() < 0.05 ? 0 : Math.floor(10 ** (this.random.fraction() * 5)),
  ): void {
    this.write(key, this.random.bytes(bytes));
  }

  /** A small FITS file of this instrument: one header block, one data block. */
  fits(key: PathKey, instrument: string): void {
    const cards = [
      'SIMPLE  =                    T',
      'BITPIX  =                    8',
      'NAXIS   =                    1',
      'NAXIS1  =                 2880',
      `INSTRUME= '${instrument.replaceAll("'", "''").padEnd(8)}'`,
      'END',
    ];
    const header = Buffer.from(
      cards
        .map((card) => card.padEnd(80))
        .join('')
        .padEnd(2880),
      'latin1',
    );
    this.write(key, [header, ...this.random.bytes(2880)]);
  }

  copyOf(original: PathKey, key: PathKey): void {
    this.write(key, this.contents.get(original)!);
  }

  hardLink(original: PathKey, key: PathKey): void {
    this.parents(key);
    linkSync(pathOf(this.root, original), pathOf(this.root, key));
    this.tree.set(key, this.tree.get(original)!);
    this.fileCount += 1;
  }

  symlink(target: string | Buffer, key: PathKey): void {
    this.parents(key);
    symlinkSync(target, pathOf(this.root, key));
    this.tree.set(key, { kind: 'symlink', target: keyOf(target) });
  }

  directory(key: PathKey): void {
    this.parents(`${key}/x`);
  }

  private write(key: PathKey, blocks: Iterable<Buffer>): void {
    this.parents(key);
    const path = pathOf(this.root, key);
    const mode = this.random.pick([0o644, 0o644, 0o600, 0o755, 0o444]);
    const hash = createHash('sha256');
    const kept: Buffer[] = [];
    let bytes = 0;
    const file = openSync(path, 'wx', 0o600);
    for (const block of blocks) {
      writeSync(file, block);
      hash.update(block);
      bytes += block.length;
      if (bytes <= 100_000) kept.push(block);
    }
    closeSync(file);
    chmodSync(path, mode);
    // Some years of past, and fractions of a second that a tar need not keep.
    const mtimeSeconds = 1_600_000_000 + this.random.integer(0, 100_000_000);
    lutimesSync(path, mtimeSeconds, mtimeSeconds + 0.25);
    this.tree.set(key, { kind: 'file', bytes, sha256: hash.digest('hex'), mode, mtimeSeconds });
    this.contents.set(key, kept);
    this.fileCount += 1;
  }

  /** Makes the folders above a path. */
  private parents(key: PathKey): void {
    const components = key.split('/').slice(0, -1);
    components.forEach((_, index) => {
      const above = components.slice(0, index + 1).join('/');
      if (this.tree.has(above)) return;
      mkdirSync(pathOf(this.root, above));
      this.tree.set(above, { kind: 'directory' });
    });
  }
}
