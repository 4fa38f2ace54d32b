import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { inWords } from '../../src/core/policy/reason.js';
import type { CopyExplanation, Explanation } from '../../src/client/explain/explanation.js';
import { withCleanup } from '../support/cleanup.js';
import { Random, testSeed } from '../support/random.js';
import { withScratch } from '../support/scratch.js';
import { eventually } from '../support/sites.js';
import { fill, threeSites, type Laboratory } from '../support/three-sites.js';

const OBSERVATIONS = 2;
const timeout = 15 * 60_000;
/** A port of this machine that nothing listens on. */
const NOWHERE = '127.0.0.1:9';

test(
  'cdt explain tells where everything is, what it waits for and what comes next, also while a site, a store or a server is down',
  { timeout },
  (t) =>
    withScratch(t, (scratch) =>
      withCleanup(async (cleanup) => {
        // One package for each archive's site.
        const lab = await threeSites(cleanup, scratch, {
          environment: { CCAT_DATA_TRANSFER_BUNDLE_PACKAGES: '1' },
        });
        await asTheWorkGoes(t, lab);
      }),
    ),
);

async function asTheWorkGoes(t: TestContext, lab: Laboratory): Promise<void> {
  const { sites, stores } = lab;
  const source = join(sites.root('ccat'), 'source');
  fill(source, new Random(testSeed((line) => t.diagnostic(line))), OBSERVATIONS);
  const file = `obs-001/raw/${readdirSync(join(source, 'obs-001', 'raw'))[0]!}`;

  // The site `us` has no worker, and the store at Cologne can't be reached.
  stores.cologne.link.cut();
  sites.startWorker('ccat');
  sites.startWorker('cologne');
  sites.startWorker('cologne', ['--workflows', '--location', 'lta']);

  const packages = await eventually(
    'each archive site was sent one of the packages',
    () => sites.json<{ name: string; state: string }[]>('packages'),
    (found) =>
      found.length === OBSERVATIONS &&
      found.every((one) => one.state === 'arrived' || one.state === 'transferring'),
  );
  const names = packages.map((one) => one.name);

  const atUs = await explained(lab, names, (one) => one.waiting.for === 'worker');
  assert.match(atUs.waiting.words, /nobody serves the queue us\.buffer\.data_transfer_unpacking/);
  assert.equal(atUs.waiting.advice, 'start one at that site: cdt worker --site us');
  assert.ok(Date.parse(atUs.waiting.since ?? '') > 0);

  const atCologne = await explained(lab, names, (one) => one.waiting.for === 'retry');
  assert.match(atCologne.waiting.words, /archivePackage failed .* tried again: NetworkError/);
  assert.ok(Date.parse(atCologne.next?.at ?? '') > 0, 'it says when');
  const inBuffer = copyAt(atCologne, 'ccat.buffer');
  assert.deepEqual(inBuffer.deletion.may, false);
  assert.match(inWords(inBuffer.deletion.reasons), /0 of 2 required archive copies/);

  const [ofFile] = await explainJson(lab, file);
  assert.equal(ofFile?.kind, 'file');
  const atSource = copyAt(ofFile, 'ccat.source');
  assert.deepEqual([atSource.state, atSource.path, atSource.deletion.may], ['present', file, false]);
  assert.ok(atSource.next?.at !== undefined, 'when its deletion is looked at again');

  await whileServersAreAway(lab, atCologne.name);

  stores.cologne.link.mend();
  sites.startWorker('us');
  await eventually(
    'everything is archived twice and freed',
    async () => (await Promise.all(names.map((name) => explainJson(lab, name)))).flat(),
    (found) => found.every((one) => one.copies.every(isGoneOrArchived)),
    420,
  );
  const [done] = await explainJson(lab, atCologne.name);
  assert.match(done!.waiting.words, /archived/);
  const archived = copyAt(done!, 'us.lta');
  assert.match(inWords(archived.deletion.reasons), /long-term archive/);

  const [copy] = await explainJson(lab, archived.id);
  assert.deepEqual([copy?.kind, copy?.copies.length, copy?.state], ['copy', 1, 'present']);
  const [gone] = await explainJson(lab, file);
  assert.equal(copyAt(gone!, 'ccat.source').state, 'deleted');

  const words = await sites.cdt('explain', atCologne.name);
  assert.match(words, /copy at cologne\.lta \(long_term_archive\): present/);
  await assert.rejects(sites.cdt('explain', 'no-such-thing'), /nothing is called no-such-thing/);
}

/** What the rest can still tell when one of the servers can't be asked. */
async function whileServersAreAway({ sites }: Laboratory, name: string): Promise<void> {
  const withoutCatalogue = { CCAT_DATA_TRANSFER_DATABASE_URL: `postgresql://cdt:none@${NOWHERE}/none` };
  let byWork: Explanation[] = [];
  // Between two waits an attempt is made, which is told as such.
  while (!byWork.some((one) => one.kind === 'work' && one.waiting.for === 'retry'))
    byWork = JSON.parse(await sites.cdtIn(withoutCatalogue, 'explain', name, '--json')) as Explanation[];
  assert.ok(byWork.every((one) => one.unknown.some((words) => words.includes('where its copies are'))));

  const withoutTemporal = { TEMPORAL_ADDRESS: NOWHERE };
  const [byCatalogue] = JSON.parse(
    await sites.cdtIn(withoutTemporal, 'explain', name, '--json'),
  ) as Explanation[];
  assert.equal(copyAt(byCatalogue!, 'ccat.buffer').state, 'present');
  assert.equal(byCatalogue!.waiting.for, 'unknown');
  assert.match(byCatalogue!.unknown.join('; '), /what is being done/);
}

/** The first of several packages whose explanation is as expected, as soon as there is one. */
async function explained(
  lab: Laboratory,
  names: string[],
  isSo: (found: Explanation) => boolean,
): Promise<Explanation> {
  const found = await eventually(
    'a package is explained so',
    async () => (await Promise.all(names.map((name) => explainJson(lab, name)))).flat(),
    (all) => all.some(isSo),
  );
  return found.find(isSo)!;
}

function explainJson({ sites }: Laboratory, word: string): Promise<Explanation[]> {
  return sites.json<Explanation[]>('explain', word);
}

function copyAt(one: Explanation, location: string): CopyExplanation {
  const copy = one.copies.find((found) => found.location === location);
  assert.ok(copy !== undefined, `${one.name} has no copy at ${location}: ${JSON.stringify(one.copies)}`);
  return copy;
}

function isGoneOrArchived(copy: CopyExplanation): boolean {
  return copy.state === 'deleted' || copy.locationType === 'long_term_archive';
}
