import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { requestStaging } from '../../src/client/staging.js';
import { withScratch } from '../support/scratch.js';
import { archivedObservatory } from './support/archived.js';
import { MIB, until } from './support/damaged-archives.js';
import { withCatalogue } from './support/database.js';
import { withTemporal } from './support/temporal.js';
import { killed, withWorkerProcesses } from './support/worker-process.js';

test(
  'a job whose worker is killed in the middle is completed by the next one, and no half file is left',
  { timeout: 180_000 },
  (t) =>
    withScratch(t, (scratch) =>
      withCatalogue(async ({ catalogue, url }) =>
        withTemporal(async (temporal) => {
          const at = await archivedObservatory(catalogue, scratch);
          for (const name of ['obs-1', 'obs-2']) {
            mkdirSync(join(at.source, name));
            writeFileSync(join(at.source, name, 'a.dat'), randomBytes(60 * MIB));
          }
          await at.archiveAll();
          const partial = () =>
            readdirSync(at.processing, { recursive: true, encoding: 'utf8' }).filter((one) =>
              one.endsWith('package.tar.part'),
            );
          await withWorkerProcesses(url, temporal, async (start) => {
            start('us', ['--workflows']);
            const first = start('cologne');
            const { jobId } = await requestStaging(temporal.client, catalogue, {
              destination: 'cologne.ramses',
              requestedBy: 'ada',
              observations: ['obs-1', 'obs-2'],
            });
            await until(() => Promise.resolve(partial().length > 0), 5);
            await killed(first);
            const folder = join(at.processing, 'jobs', jobId);
            assert.equal(existsSync(folder), false, 'a job has no folder before all is there');
            start('cologne');
            await until(async () => (await catalogue.staging.job(jobId))?.state === 'ready');
            for (const one of ['obs-1', 'obs-2'])
              execFileSync('diff', ['-r', join(at.source, one), join(folder, 'data', one)]);
            execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'manifest-sha256.txt'], {
              cwd: folder,
            });
            assert.deepEqual(partial(), []);
          });
        }),
      ),
    ),
);
