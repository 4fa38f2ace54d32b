import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { MockActivityEnvironment } from '@temporalio/testing';
import { makeTransferActivities, type TransferActivities } from '../../../src/activities/data-transfer.js';
import type { Dependencies, Progress } from '../../../src/activities/dependencies.js';
import type { TransferOrder } from '../../../src/core/database/records.js';
import { NetworkError } from '../../../src/core/exceptions.js';
import { LocalTransport } from '../../../src/core/transport/local-transport.js';
import type { SendRequest, Transport } from '../../../src/core/transport/transport.js';
import { TokenBuckets } from '../../../src/core/utilities/token-bucket.js';
import { withScratch } from '../../support/scratch.js';

const PACKAGES = 20;
const AT_ONCE = 8;

/** A bundle of small packages in a directory, and what an activity needs to send it into another one. */
function bundle(scratch: string, faults: (request: SendRequest) => Promise<void> = () => Promise.resolve()) {
  const [here, there] = [join(scratch, 'here'), join(scratch, 'there')];
  for (const path of [here, there]) mkdirSync(path);
  const packages = Array.from({ length: PACKAGES }, (_, index) => {
    const content = randomBytes(1000 + index);
    const name = `package-${index}`;
    writeFileSync(join(here, `${name}.tar`), content);
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { id: name, name, pending: true, bytes: content.length, sha256 };
  });
  const place = (site: string, path: string) => ({ site, name: 'buffer', path });
  const order = {
    route: { name: 'a_to_b' },
    origin: place('a', here),
    destination: place('b', there),
    packages,
  } as unknown as TransferOrder;
  const seen = { running: 0, most: 0, begun: 0, ended: 0, asked: 0, told: [] as string[] };
  const progress: Progress[] = [];
  const dependencies = {
    catalogue: { transferOrder: () => Promise.resolve(order) },
    settings: { get: () => Promise.resolve(((seen.asked += 1), 100)) },
    routeLimits: new TokenBuckets(),
    reportProgress: (one: Progress) => progress.push({ ...one }),
    breakers: {
      admit: () => Promise.resolve({ admitted: true }),
      succeeded: () => Promise.resolve(void seen.told.push('succeeded')),
      failed: () => Promise.resolve(void seen.told.push('failed')),
    },
    transport: (): Transport => {
      const inner = new LocalTransport(there);
      return {
        name: 'local',
        parallelSends: AT_ONCE,
        close: () => inner.close(),
        send: async (request) => {
          seen.begun += 1;
          seen.most = Math.max(seen.most, ++seen.running);
          try {
            await faults(request);
            return await inner.send(request);
          } finally {
            seen.running -= 1;
            seen.ended += 1;
          }
        },
      };
    },
  } as unknown as Dependencies;
  const activities = makeTransferActivities(dependencies);
  const run = (): ReturnType<TransferActivities['transferPackages']> =>
    new MockActivityEnvironment().run(() => activities.transferPackages({ dataTransferId: 'one' }));
  return { run, seen, progress, packages, here, there };
}

test('packages are sent several at once under one watch, and one that can not be sent for good stops no other', (t) =>
  withScratch(t, async (scratch) => {
    // No beat: one that falls into a slow send asks for the limits once more, and tells of a package again whose last byte is written.
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { run, seen, progress, packages, here, there } = bundle(scratch, () => sleep(5));
    for (const index of [3, 11]) truncateSync(join(here, `package-${index}.tar`), 100);
    const { failed, sent } = await run();
    assert.deepEqual(failed.map(({ name, errorClass }) => `${name} ${errorClass}`).sort(), [
      'package-11 DataCorruptionError',
      'package-3 DataCorruptionError',
    ]);
    const good = packages.filter(({ name }) => !failed.some((one) => one.name === name));
    assert.deepEqual(readdirSync(there).sort(), good.map(({ name }) => `${name}.tar`).sort());
    assert.equal(
      sent?.bytes,
      good.reduce((sum, one) => sum + one.bytes, 0),
    );
    assert.equal(seen.most, AT_ONCE);
    assert.ok(seen.asked < PACKAGES, 'limits are asked for the bundle, not for each package');
    // Whoever shows the progress hears of each package by its own name.
    const done = progress.filter((one) => one.bytesDone === one.bytesTotal).map(({ subject }) => subject);
    assert.deepEqual(done.sort(), good.map(({ name }) => name).sort());
    assert.deepEqual(seen.told, ['succeeded']);
  }));

test('what concerns all packages stops those at hand, and nothing more is begun', (t) =>
  withScratch(t, async (scratch) => {
    const { run, seen } = bundle(scratch, async ({ name, signal }) => {
      if (name === 'package-2.tar') throw new NetworkError('the line is down');
      await sleep(60_000, undefined, { signal });
    });
    await assert.rejects(run(), /the line is down/);
    assert.deepEqual([seen.begun, seen.ended, seen.running], [AT_ONCE, AT_ONCE, 0]);
    assert.deepEqual(seen.told, ['failed']);
  }));

test('what is at the destination already is done, and nothing was sent', (t) =>
  withScratch(t, async (scratch) => {
    const { run } = bundle(scratch);
    await run();
    assert.deepEqual(await run(), { failed: [], sent: { bytes: 0, seconds: 0 } });
  }));
