import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingWithout, ours } from './contenders.js';
import { writeDigests } from './digests.js';
import { known, ratio, runCases, type BenchDocument, type BenchOptions, type Case } from './harness.js';
import { filesOf, makeSource, type SourceShape } from './sources.js';
import { withStore, type BenchStore } from './store.js';
import { timed } from './timed.js';

const MIB = 2 ** 20;
const SHAPES: Record<string, SourceShape> = {
  '4 packages of 512 MiB': { files: 4, fileBytes: 512 * MIB },
  '128 packages of 16 MiB': { files: 128, fileBytes: 16 * MIB },
};
const OURS = 'cdt';
const RCLONE = 'rclone copy, check';

/**
 * Packages into an S3 archive and read back from it: ours as the activity does it (a SHA-256 of each request that the store checks, a sidecar
 * for each package, each object read in full and digested, three at a time), against `rclone copy` and `rclone check --download`, which
 * compares what it reads back with the files. Ours sends parts of 8 MiB, rclone of 16 MiB, three of them at a time for each of three objects.
 */
export async function archive(options: BenchOptions): Promise<BenchDocument> {
  const folder = await mkdtemp(join(tmpdir(), 'cdt-bench-archive-'));
  try {
    return await withStore(options.say, async (store) => {
      const wanted = Object.entries(SHAPES).filter(([name]) => name.includes(options.only));
      const cases = await runCases(
        wanted.map(([name, shape], at) => caseOf(join(folder, String(at)), name, shape, store)),
        options,
      );
      const ratios: Record<string, number | undefined> = {};
      for (const [name] of wanted) ratios[`${OURS} / ${RCLONE}, ${name}`] = ratio(cases, name, OURS, RCLONE);
      return { bench: 'archive', cases, ratios: known(ratios) };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function caseOf(folder: string, name: string, shape: SourceShape, store: BenchStore): Case {
  const source = join(folder, 'packages');
  makeSource(source, shape);
  const files = filesOf(source);
  const digests = join(folder, 'digests');
  writeDigests(digests, files);
  const bucket = (contender: string, round: number) => `${contender}-${files.length}-${round}`;
  // A bucket is a folder of the store: both find one that is there and empty.
  const inBucket = (contender: string) => ({
    before: async (round: number) => {
      await mkdir(join(store.root, bucket(contender, round)));
    },
    after: (round: number) => rm(join(store.root, bucket(contender, round)), { recursive: true }),
  });
  return {
    name,
    bytes: shape.files * shape.fileBytes,
    files: shape.files,
    contenders: [
      {
        name: OURS,
        ...inBucket('cdt'),
        run: (round) =>
          timed(ours('archive', bucket('cdt', round), digests, ...files), { env: store.environment }),
      },
      {
        name: RCLONE,
        missing: missingWithout('rclone', 'apt-get install rclone'),
        ...inBucket('rclone'),
        run: (round) =>
          timed(
            [
              ...[
                'sh',
                '-ec',
                'rclone copy $3 "$1" "$2"; rclone check --download --checkers 3 "$1" "$2"',
                'sh',
              ],
              ...[source, `${store.rclone.remote}${bucket('rclone', round)}`],
              '--transfers 3 --s3-chunk-size 16M --s3-upload-concurrency 3 --s3-upload-cutoff 16M --s3-no-check-bucket --expect-continue-timeout 0',
            ],
            { env: store.rclone.environment },
          ),
      },
    ],
  };
}
