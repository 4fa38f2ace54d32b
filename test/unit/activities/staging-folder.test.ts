import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import type { Dependencies } from '../../../src/activities/dependencies.js';
import { makeStagingActivities } from '../../../src/activities/staging.js';
import { withScratch } from '../../support/scratch.js';

test('the folder of a job of which one package of another source never came goes as it was made', (t) =>
  withScratch(t, async (root) => {
    const path = join(root, 'packages', 'came', 'obs', 'a.fits');
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'one');
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    const sha256 = createHash('sha256').update('one').digest('hex');
    const mtimeNs = lstatSync(path, { bigint: true }).mtimeNs.toString();
    const members = [{ path: 'obs/a.fits', kind: 'file', size: 3, mtimeNs, sha256 }];
    const sourceOf = (name: string) => ({ site: 'ccat', name: name === 'came' ? 'chai' : 'primecam' });
    const dependencies = {
      catalogue: {
        location: () =>
          Promise.resolve({
            site: 'cologne',
            name: 'ramses',
            path: root,
            storageType: 'disk',
            locationType: 'processing',
          }),
        packageSummary: (name: string) => Promise.resolve({ name, sourceLocation: sourceOf(name) }),
        staging: {
          job: () => Promise.resolve(undefined),
          items: () =>
            Promise.resolve([
              { packageId: 'came', name: 'came', status: 'staged', files: 1, bytes: 3, partial: false },
              { packageId: 'never', name: 'never', status: 'failed', files: 1, bytes: 3, partial: false },
            ]),
          staged: (_: string, name: string) =>
            Promise.resolve({ package: { name, sourceLocation: sourceOf(name) }, members }),
        },
      },
    } as unknown as Dependencies;
    const activities = makeStagingActivities(dependencies);
    const asked = { jobId: 'job-1', place: { site: 'cologne', location: 'ramses' } };
    const built: Awaited<ReturnType<typeof activities.buildJobFolder>> =
      await new MockActivityEnvironment().run(() => activities.buildJobFolder(asked));
    assert.equal(readFileSync(join(built.folder, 'data', 'obs', 'a.fits'), 'utf8'), 'one');
    const removal = await new MockActivityEnvironment().run(() => activities.removeJobFolder(asked));
    assert.deepEqual(removal, { removed: 1, kept: 0 });
    assert.ok(!existsSync(built.folder));
    assert.ok(existsSync(path), 'the copy itself stays for others');
  }));
