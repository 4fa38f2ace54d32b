import assert from 'node:assert/strict';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { CertificateDirectory } from '../../../src/core/certificates/certificate-directory.js';
import { makeLogger } from '../../../src/core/logging.js';
import { Metrics } from '../../../src/core/metrics.js';
import type { Notice } from '../../../src/core/notification-service.js';
import { CertificateWatch } from '../../../src/worker/certificate-watch.js';
import { withScratch } from '../../support/scratch.js';

const DAY = 86_400_000;

test('the end of a certificate is told in time, a few times and ever louder, and so is its renewal', (t) =>
  withScratch(t, async (path) => {
    let now = Date.now();
    const clock = () => now;
    const directory = new CertificateDirectory(path, clock);
    await directory.init();
    await directory.issue('ccat', { days: 100 });
    await directory.issue('us', { days: 10 });
    const notices: Notice[] = [];
    const metrics = new Metrics();
    const watch = new CertificateWatch({
      directory,
      site: 'ccat',
      metrics,
      notifications: { tell: (notice) => Promise.resolve(void notices.push(notice)) },
      log: makeLogger({ level: 'crit', format: 'json' }),
      now: clock,
    });
    const told = () => notices.splice(0).map(({ level, kind }) => `${level} ${kind}`);

    await watch.look();
    assert.deepEqual(told(), []);
    const { values } = await metrics.certificateEnds.get();
    assert.deepEqual(
      values.map(({ labels }) => labels),
      [
        { site: 'ccat', certificate: 'authority' },
        { site: 'ccat', certificate: 'ccat' },
      ],
    );
    assert.ok(Math.abs((values[1]?.value ?? 0) - (now + 100 * DAY) / 1000) < 2);

    const heard: Record<number, string[]> = {};
    for (let day = 0; day <= 99; day += 1) {
      await watch.look();
      const [first, ...more] = told();
      assert.deepEqual(more, []);
      if (first !== undefined) heard[100 - day] = [first];
      now += DAY;
    }
    assert.deepEqual(heard, {
      31: ['warning certificate_ends'],
      15: ['warning certificate_ends'],
      8: ['critical certificate_ends'],
      4: ['critical certificate_ends'],
      2: ['critical certificate_ends'],
      1: ['critical certificate_ends'],
    });
    now += 2 * DAY;
    await watch.look();
    assert.deepEqual(told(), ['critical certificate_unusable']);
    await directory.renew('ccat');
    await watch.look();
    assert.deepEqual(told(), ['info certificate_renewed', 'info certificate_usable']);

    await rename(join(path, 'ccat.key'), join(path, 'away'));
    await watch.look();
    await watch.look();
    assert.deepEqual(told(), ['critical certificate_unusable'], 'told once');
    await rename(join(path, 'away'), join(path, 'ccat.key'));
    await watch.look();
    assert.deepEqual(told(), ['info certificate_usable']);
    await rm(path, { recursive: true });
    await watch.look();
    assert.match(notices[0]?.happened ?? '', /there is no directory/);
  }));
