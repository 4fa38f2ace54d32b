import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withCleanup } from '../support/cleanup.js';
import { Random, testSeed } from '../support/random.js';
import { withScratch } from '../support/scratch.js';
import { eventually } from '../support/sites.js';
import {
  ARCHIVES,
  digests,
  fill,
  keys,
  pathOf,
  sizeOf,
  threeSites,
  type ArchiveSite,
  type Laboratory,
} from '../support/three-sites.js';

const OBSERVATIONS = 50;
const timeout = 20 * 60_000;

test(
  'three sites, each seeing its own storage only: every package crosses the link once and lies in both archives; sources are freed; ten observations are staged',
  { timeout },
  (t) =>
    withScratch(t, (scratch) =>
      withCleanup(async (cleanup) => {
        const lab = await threeSites(cleanup, scratch);
        const { sites, links } = lab;
        const source = join(sites.root('ccat'), 'source');
        const original = join(scratch, 'original');
        fill(source, new Random(testSeed((line) => t.diagnostic(line))), OBSERVATIONS);
        cpSync(source, original, { recursive: true, preserveTimestamps: true });

        sites.startWorker('ccat');
        sites.startWorker('cologne');
        sites.startWorker('us');
        sites.startWorker('cologne', ['--workflows', '--location', 'lta']);

        await eventually(
          'every package is in both archives and the source is empty',
          () =>
            Promise.resolve({
              archived: ARCHIVES.map((site) => keys(lab, site).length),
              left: filesBelow(source),
            }),
          ({ archived, left }) =>
            left === 0 && archived.every((count) => count === archived[0] && count >= OBSERVATIONS),
          600,
        );

        for (const site of ARCHIVES) assertArchiveIs(lab, site, original);
        assert.deepEqual(
          digests(lab, 'cologne'),
          digests(lab, 'us'),
          'the two archives hold the same objects',
        );

        // What left the observatory is what all packages have together, and the little that ssh adds: nothing went twice.
        const tars = keys(lab, 'us').reduce((sum, key) => sum + sizeOf(lab, 'us', key), 0);
        const sent = links.cologne.sent() + links.us.sent();
        t.diagnostic(
          `packages ${tars} bytes, on the link ${sent} (cologne ${links.cologne.sent()}, us ${links.us.sent()})`,
        );
        assert.ok(
          sent >= tars && sent < tars * 1.1 + OBSERVATIONS * 20_000,
          `${sent} bytes left for packages of ${tars}`,
        );
        for (const site of ARCHIVES)
          assert.ok(links[site].sent() > tars / 10, `${site} was sent something first`);

        await stageTen(lab, original);
      }),
    ),
);

/** Brings ten observations back to a processing location, and compares them with what the instrument wrote. */
async function stageTen({ sites }: Laboratory, original: string): Promise<void> {
  const wanted = readdirSync(original).sort().slice(5, 15);
  assert.equal(wanted.length, 10);
  const request = [
    '--to',
    'cologne.processing',
    ...wanted.flatMap((one) => ['--observation', one]),
    '--for',
    '1d',
    '--wait',
  ];
  const job = await sites.json<{ jobId: string; state: string }>('stage', ...request);
  assert.equal(job.state, 'ready');
  const folder = join(sites.root('cologne'), 'processing', 'jobs', job.jobId);
  assert.deepEqual(readdirSync(join(folder, 'data')).sort(), wanted);
  for (const observation of wanted)
    execFileSync('diff', [
      ...['-r', '--no-dereference'],
      join(original, observation),
      join(folder, 'data', observation),
    ]);
  execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: folder });
  await sites.cdt('stage', 'release', job.jobId);
  await eventually(
    'the released job is over, and its folder gone',
    async () => (await sites.json<{ state: string }>('stage', 'show', job.jobId)).state,
    (state) => state === 'released' && !existsSync(folder),
  );
}

/** Reads an archive with tar, sha256sum and diff, and compares all of it with what the instrument wrote. */
function assertArchiveIs(lab: Laboratory, site: ArchiveSite, original: string): void {
  const into = join(lab.scratch, 'read', site);
  const merged = join(into, 'merged');
  mkdirSync(merged, { recursive: true });
  for (const key of keys(lab, site)) {
    execFileSync('tar', ['-xpf', pathOf(lab, site, key), '-C', into]);
    const bag = join(
      into,
      key
        .split('/')
        .at(-1)!
        .replace(/\.tar$/, ''),
    );
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'manifest-sha256.txt'], { cwd: bag });
    assert.match(readFileSync(join(bag, 'bagit.txt'), 'utf8'), /^BagIt-Version: 1\.0/);
    execFileSync('cp', ['-al', `${bag}/data/.`, merged]);
  }
  execFileSync('diff', ['-r', '--no-dereference', original, merged], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
}

function filesBelow(directory: string): number {
  return execFileSync('find', [directory, '-type', 'f'], { encoding: 'utf8' }).split('\n').length - 1;
}
