import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runPlanner } from '../src/client/planners.js';
import { formatBytes } from '../src/core/utilities/format.js';
import { missingWithout } from './contenders.js';
import {
  known,
  median,
  ratio,
  runCases,
  type BenchDocument,
  type BenchOptions,
  type Case,
} from './harness.js';
import { withObservatory, type Observatory } from './observatory.js';
import { makeSource, type SourceShape } from './sources.js';
import { withStore } from './store.js';
import { timed, type Finished } from './timed.js';

const SHAPE: SourceShape = { files: 400, fileBytes: 5 * 2 ** 20, filesOfFolder: 50 };
const BYTES = SHAPE.files * SHAPE.fileBytes;
const NAME = '2000 MiB in 8 observations';
const OURS = 'cdt';
const SCRIPT = 'tar, sha256sum, rclone copy, check';
const WORKERS = 'worker of ';
const LOOK_EVERY_MS = 200;
/** Planners have looked at the empty source, and nothing of the start is left to be done. */
const SETTLED_MS = 5000;
const STILL_MS = 3000;
const LIMIT_MS = 600_000;

/** A package of each observation, the digests of its files and of itself, copied to the archive, read back and compared. */
const SCRIPT_TEXT = `
cd "$1"
for observation in *; do
  tar cf "$2/$observation.tar" "$observation"
  find "$observation" -type f -print0 | xargs -0 sha256sum > "$2/$observation.sha256"
  (cd "$2" && sha256sum "$observation.tar" >> "$observation.sha256")
done
rclone copy --transfers 3 --s3-chunk-size 16M --s3-upload-concurrency 3 --s3-no-check-bucket --expect-continue-timeout 0 "$2" "$3"
rclone check --download --checkers 3 "$2" "$3"
`;

/** What one run of ours came to. */
interface Moved {
  /** Of each byte of the source, by all system calls of the workers: from disks, and once from the store. */
  read: number;
  /** To disks, and once to the store. */
  written: number;
  cpuSecondsPerGigabyte: number;
}

/**
 * From a source to the verified archive, on one machine. Ours is the whole product with its servers: packaged, sent to the other site's buffer,
 * checked there, archived, read back, all by workflows; it is running already and is told to look, as the script is started. The script
 * has no second site, no record of what it did and goes on after nothing.
 */
export async function pipeline(options: BenchOptions): Promise<BenchDocument> {
  const folder = await mkdtemp(join(tmpdir(), 'cdt-bench-pipeline-'));
  const moved: Moved[] = [];
  try {
    const cases = await runCases([caseOf(folder, moved, options)], options);
    const middle = (figure: keyof Moved) =>
      moved.length === 0 ? undefined : median(moved.map((one) => one[figure]));
    return {
      bench: 'pipeline',
      cases,
      ratios: known({
        [`${OURS} / ${SCRIPT}`]: ratio(cases, NAME, OURS, SCRIPT),
        'bytes read for each byte, one from the store': middle('read'),
        'bytes written for each byte, one to the store': middle('written'),
        'CPU seconds for each GB, of workers and servers': middle('cpuSecondsPerGigabyte'),
      }),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Around = Pick<BenchOptions, 'signal' | 'say'>;

function caseOf(folder: string, moved: Moved[], around: Around): Case {
  return {
    name: NAME,
    bytes: BYTES,
    files: SHAPE.files,
    contenders: [
      {
        name: OURS,
        run: () =>
          withObservatory({ bench: 'pipeline', ...around }, async (observatory) => {
            const { finished, one } = await measure(observatory, around);
            moved.push(one);
            return finished;
          }),
      },
      {
        name: SCRIPT,
        missing: missingWithout('rclone', 'apt-get install rclone'),
        run: (round) =>
          withStore(around.say, async ({ root, rclone }) => {
            const [source, packages] = [join(folder, `source-${round}`), join(folder, `packages-${round}`)];
            makeSource(source, SHAPE);
            for (const made of [packages, join(root, 'bench')]) await mkdir(made);
            const words = ['sh', '-ec', SCRIPT_TEXT, 'sh', source, packages, `${rclone.remote}bench`];
            const finished = await timed(words, { env: rclone.environment });
            for (const made of [source, packages]) await rm(made, { recursive: true });
            return finished;
          }),
      },
    ],
  };
}

async function measure(
  observatory: Observatory,
  { signal, say }: Around,
): Promise<{ finished: Finished; one: Moved }> {
  const { account, catalogue, client, source, sourceFolder } = observatory;
  const beside = `${sourceFolder}-made`;
  makeSource(beside, SHAPE);
  await observatory.startWorkers();
  await runPlanner(client, 'raw_data_package_creation', source);
  await sleep(SETTLED_MS, undefined, { signal });
  const before = { bytes: account.bytesMoved(WORKERS), cpu: sum(account.cpuSeconds()) };
  for (const name of await readdir(beside)) await rename(join(beside, name), join(sourceFolder, name));
  // What was moved there a moment ago is not packaged yet: that it is still is no part of the work.
  await sleep(STILL_MS, undefined, { signal });

  const begun = performance.now();
  await runPlanner(client, 'raw_data_package_creation', source);
  for (;;) {
    const archived = (await catalogue.sourceProgress(source.id)).packages.archived.files;
    if (archived === SHAPE.files) break;
    if (performance.now() - begun > LIMIT_MS)
      throw new Error(`${archived} of ${SHAPE.files} files are archived after ${LIMIT_MS / 1000} s`);
    await sleep(LOOK_EVERY_MS, undefined, { signal });
  }
  const seconds = (performance.now() - begun) / 1000;

  const after = { bytes: account.bytesMoved(WORKERS), cpu: sum(account.cpuSeconds()) };
  const cpuSeconds = after.cpu - before.cpu;
  for (const [part, used] of account.cpuSeconds())
    say(
      `    ${part}: ${used.toFixed(1)} s of processor from its start on, peak ${formatBytes(account.peakRssBytes(part))}`,
    );
  return {
    finished: {
      seconds,
      cpuSeconds,
      peakRssBytes: account.peakRssBytes(WORKERS),
      cut: false,
      output: '',
    },
    one: {
      read: round3((after.bytes.read - before.bytes.read) / BYTES),
      written: round3((after.bytes.written - before.bytes.written) / BYTES),
      cpuSecondsPerGigabyte: round3(cpuSeconds / (BYTES / 1e9)),
    },
  };
}

function sum(parts: Map<string, number>): number {
  return [...parts.values()].reduce((total, one) => total + one, 0);
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
