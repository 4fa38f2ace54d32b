import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, ours } from './contenders.js';
import { writeDigests } from './digests.js';
import {
  known,
  ratio,
  requireKnown,
  round3,
  runCases,
  type BenchDocument,
  type BenchOptions,
  type CaseResult,
} from './harness.js';
import { linkContenders, LINK_CONTENDERS, type LinkJob, type LinkPlace } from './link-contenders.js';
import { bringUp, linkBy, type LinkLab } from './link-lab.js';
import { RESUME_CONTENDERS, resumeCase, sentAgain } from './link-resume.js';
import { makeIdentities, says, serve, startSshd, type Server } from './link-servers.js';

const LOSSES = [0, 0.0001];
const SHAPE = { roundTripMs: 200, megabitsPerSecond: 1000 };
const STREAM_PORT = 4650;
const IPERF_PORT = 5201;
const MIB = 2 ** 20;

interface NamedJob {
  name: string;
  files: number;
  fileBytes: number;
  small: boolean;
}

const JOBS: NamedJob[] = [
  { name: '512 MiB in 1 file', files: 1, fileBytes: 512 * MIB, small: false },
  { name: '2 GiB in 4 files', files: 4, fileBytes: 512 * MIB, small: false },
  { name: '5000 files of 100 KiB', files: 5000, fileBytes: 100 * 1024, small: true },
];

/**
 * Over a link of 200 ms round trip and 1 Gbit/s, without and with loss: `stream` against what observatories use. Ours sends with
 * encryption and a digest of each piece; the small files it sends as the product does: packaged, sent, verified at the far end.
 * The variable `LINK_CONGESTION_CONTROL` sets TCP's way (cubic, bbr) at both ends; unset, it is the kernel's own.
 */
export async function link(options: BenchOptions): Promise<BenchDocument> {
  requireKnown(options.contenders, [...LINK_CONTENDERS, ...RESUME_CONTENDERS]);
  const by = linkBy();
  if (by === undefined)
    throw new Error('no long link: this kernel has no netem, and WAN_LAB names no program');
  options.say(`the link is made by ${by}`);
  const folder = await mkdtemp(join(tmpdir(), 'cdt-bench-link-'));
  try {
    const cases: CaseResult[] = [];
    for (const loss of LOSSES) {
      const named = (what: string) => `${what}, ${loss * 100} % loss`;
      const jobs = JOBS.filter(({ name }) => named(name).includes(options.only));
      const resumes = loss === 0 && named('resume').includes(options.only);
      if (jobs.length === 0 && !resumes) continue;
      await withLink(join(folder, `loss-${loss}`), loss, async (place) => {
        for (const job of jobs) {
          const made = makeJob(folder, job);
          const { files, bytes } = made;
          const contenders = linkContenders(made, place);
          const one = { name: named(job.name), bytes, files: files.length, contenders };
          cases.push(...(await runCases([one], { ...options, only: '' })));
        }
        if (resumes)
          cases.push(
            ...(await runCases([resumeCase(makeJob(folder, JOBS[1]!), place)], { ...options, only: '' })),
          );
      });
    }
    return { bench: 'link', cases, ratios: ratiosOf(cases) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Brings the link up with a server of each kind at its far end; takes all down afterwards. */
async function withLink(
  folder: string,
  loss: number,
  work: (place: LinkPlace) => Promise<void>,
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const congestionControl = process.env['LINK_CONGESTION_CONTROL'];
  const lab = bringUp({ ...SHAPE, loss, congestionControl });
  const servers: Server[] = [];
  try {
    const ssh = await startSshd(lab, join(folder, 'ssh'));
    servers.push(ssh);
    const far = join(folder, 'far');
    mkdirSync(far);
    const identities = await makeIdentities(join(folder, 'identities'));
    servers.push(await startReceiver(lab, identities.far, far));
    if (findProgram('iperf3') !== undefined)
      servers.push(
        await serve([...lab.far, 'iperf3', '-s', '-p', String(IPERF_PORT), '--forceflush'], (child) =>
          says(child, 'listening'),
        ),
      );
    await work({
      lab,
      ssh,
      far,
      stream: { port: STREAM_PORT, identity: identities.near },
      iperfPort: IPERF_PORT,
    });
  } finally {
    for (const server of servers) await server.stop();
    lab.down();
  }
}

function startReceiver(lab: LinkLab, identity: string, directory: string): Promise<Server> {
  const listen = `${lab.farAddress}:${STREAM_PORT}`;
  const words = ours(
    'stream-endpoints',
    'receive',
    '--listen',
    listen,
    '--identity',
    identity,
    '--directory',
    directory,
  );
  return serve([...lab.far, ...words], (child) => says(child, 'ready'));
}

/** Files of random bytes, made once for both kinds of link. */
function makeJob(folder: string, { files, fileBytes, small }: NamedJob): LinkJob {
  const where = join(folder, `${files}-files`);
  const paths = Array.from({ length: files }, (_, index) =>
    join(where, `file-${String(index).padStart(5, '0')}.fits`),
  );
  const job = { folder: where, files: paths, digests: `${where}.sha256`, bytes: files * fileBytes, small };
  if (existsSync(job.digests)) return job;
  mkdirSync(where);
  const script = 'size=$1; shift; for path; do head -c "$size" /dev/urandom > "$path"; done';
  execFileSync('sh', ['-c', script, 'sh', String(fileBytes), ...paths]);
  writeDigests(job.digests, paths);
  return job;
}

function ratiosOf(cases: CaseResult[]): Record<string, number> {
  const names = [...new Set(cases.map((one) => one.case))];
  const peers = [...new Set(cases.map(({ contender }) => contender))].filter((name) => name !== 'stream');
  const against = names.flatMap((name) =>
    peers.map((peer) => [`${name}: stream / ${peer}`, ratio(cases, name, 'stream', peer)] as const),
  );
  return known({ ...Object.fromEntries(against), ...lossRatios(cases), ...sentAgain(cases) });
}

/** The rate with loss over the rate without. */
function lossRatios(cases: CaseResult[]): Record<string, number | undefined> {
  const rate = (name: string) =>
    cases.find((one) => one.case === name && one.contender === 'stream')?.bytesPerSecond;
  return Object.fromEntries(
    JOBS.map(({ name }) => {
      const [without, withLoss] = LOSSES.map((loss) => rate(`${name}, ${loss * 100} % loss`));
      const value = without === undefined || withLoss === undefined ? undefined : withLoss / without;
      return [`${name}: with loss / without`, value === undefined ? value : round3(value)];
    }),
  );
}
