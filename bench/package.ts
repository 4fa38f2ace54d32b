import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, missingWithout, OUR_ENV, ours } from './contenders.js';
import {
  known,
  median,
  ratio,
  round3,
  runCases,
  type BenchDocument,
  type BenchOptions,
  type Case,
  type CaseResult,
} from './harness.js';
import { makeSource, type SourceShape } from './sources.js';
import { timed, type Finished } from './timed.js';

const SMALL_FILES: SourceShape = { files: 20_000, fileBytes: 10 * 1024 };
const SHAPES: Record<string, SourceShape> = {
  '1 GiB in 200 files': { files: 200, fileBytes: Math.floor(2 ** 30 / 200) },
  '20,000 files of 10 KiB': SMALL_FILES,
};
const OURS = 'cdt';
/** In a process that packaged another tree before, as a worker has. */
const LATER = 'cdt, a later package';
const SCRIPT = 'tar, sha256sum';
const BAGIT = 'bagit.py, tar';
const CORE = 'bound: one SHA-256 core';
const DISK = 'bound: the disk';
/** The same, but the bytes come from the files, each opened, read and closed by one `cat`. */
const FILES = 'bound: the disk file by file (find and cat)';

/**
 * A package of a source, with the digest of each file and of the whole. Ours finds the files, makes the bag and flushes it to disk. The
 * others do not flush what they write; their files are found, read and digested by `find`, `xargs` and as few `sha256sum` as can be.
 * The bounds: the bytes of the source digested once by one core; written once and flushed, from one file, and from the source's files one by one. All of them find the source in memory.
 * Ours takes part twice: as a process that is started for one package, as the others are, and as one that packaged another tree before, measured
 * by its own clock from the begin of the scan to the package's last flush: a worker is not started for each package.
 */
export async function packageBench(options: BenchOptions): Promise<BenchDocument> {
  const folder = await mkdtemp(join(tmpdir(), 'cdt-bench-package-'));
  try {
    const other = join(folder, 'other');
    makeSource(other, SMALL_FILES);
    const wanted = Object.entries(SHAPES).filter(([name]) => name.includes(options.only));
    const cases = await runCases(
      wanted.map(([name, shape], at) => caseOf(join(folder, String(at)), name, shape, other)),
      options,
    );
    const ratios: Record<string, number | undefined> = {};
    for (const [name] of wanted) {
      for (const own of [OURS, LATER]) {
        for (const their of [SCRIPT, BAGIT])
          ratios[`${own} / ${their}, ${name}`] = ratio(cases, name, own, their);
        ratios[`${own} / slower bound, ${name}`] = ofSlowestBound(cases, name, own, [CORE, DISK]);
        ratios[`${own} / slower bound, file by file, ${name}`] = ofSlowestBound(cases, name, own, [
          CORE,
          FILES,
        ]);
      }
    }
    return { bench: 'package', cases, ratios: known(ratios) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function caseOf(folder: string, name: string, shape: SourceShape, other: string): Case {
  const source = join(folder, 'source');
  const plain = join(folder, 'plain');
  makeSource(source, shape);
  execFileSync('sh', ['-c', 'find "$1" -type f -exec cat {} + > "$2"', 'sh', source, plain]);
  const out = (round: number, contender: string) => join(folder, `${contender}-${round}`);
  const fresh = (contender: string) => async (round: number) => {
    await mkdir(out(round, contender), { recursive: true });
  };
  const clear = (contender: string) => (round: number) =>
    rm(out(round, contender), { recursive: true, force: true });
  const inFresh = (contender: string) => ({ before: fresh(contender), after: clear(contender) });
  const sh = (script: string, ...args: string[]) => timed(['sh', '-ec', script, 'sh', ...args]);
  return {
    name,
    bytes: shape.files * shape.fileBytes,
    files: shape.files,
    contenders: [
      {
        name: OURS,
        ...inFresh('cdt'),
        run: (round) => program('package', source, join(out(round, 'cdt'), 'bag.tar')),
      },
      {
        name: LATER,
        ...inFresh('later'),
        run: async (round) => {
          const done = await program('package', source, join(out(round, 'later'), 'bag.tar'), other);
          const own = JSON.parse(done.output) as Pick<Finished, 'seconds' | 'cpuSeconds'>;
          return { ...done, seconds: own.seconds, cpuSeconds: own.cpuSeconds };
        },
      },
      {
        name: SCRIPT,
        ...inFresh('script'),
        run: (round) =>
          sh(
            `cd "$1"; tar cf "$2/bag.tar" .; find . -type f -print0 | xargs -0 sha256sum > "$2/manifest"; sha256sum "$2/bag.tar" > "$2/whole"`,
            source,
            out(round, 'script'),
          ),
      },
      {
        name: BAGIT,
        missing: missingWithout('bagit.py', 'pip install bagit', 'BAGIT'),
        // It makes a bag of the folder itself.
        before: (round) => cp(source, join(out(round, 'bagit'), 'bag'), { recursive: true }),
        after: clear('bagit'),
        run: (round) =>
          sh(
            `"$1" --quiet --sha256 --processes 2 "$2/bag"; cd "$2"; tar cf bag.tar bag`,
            findProgram('bagit.py', 'BAGIT') ?? '',
            out(round, 'bagit'),
          ),
      },
      { name: CORE, run: () => program('digest', plain) },
      {
        name: DISK,
        ...inFresh('disk'),
        run: (round) =>
          timed([
            'dd',
            `if=${plain}`,
            `of=${join(out(round, 'disk'), 'plain')}`,
            'bs=1M',
            'conv=fdatasync',
            'status=none',
          ]),
      },
      {
        name: FILES,
        ...inFresh('files'),
        run: (round) =>
          sh(
            `find "$1" -type f -exec cat {} + > "$2/plain"; sync -d "$2/plain"`,
            source,
            out(round, 'files'),
          ),
      },
    ],
  };
}

function program(...[name = '', ...args]: string[]): Promise<Finished> {
  return timed(ours(name, ...args), { env: OUR_ENV });
}

/** Our rate as a part of what the slowest of these bounds allows: the median of the rounds. Undefined where one of them took no part. */
function ofSlowestBound(
  cases: CaseResult[],
  name: string,
  contender: string,
  bounds: string[],
): number | undefined {
  const of = (who: string) => cases.find((one) => one.case === name && one.contender === who)?.seconds ?? [];
  const [own, slowest] = [of(contender), bounds.map(of)];
  if (own.length === 0 || slowest.some((seconds) => seconds.length === 0)) return undefined;
  const parts = own.map((seconds, round) => Math.max(...slowest.map((one) => one[round] ?? NaN)) / seconds);
  return round3(median(parts));
}
