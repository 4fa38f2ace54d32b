import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const GROWTH = new URL('../../../src/core/utilities/heap-growth.js', import.meta.url).href;

/** Counts how often all of the heap is looked through while 1 GiB passes in chunks, with some 20 MB alive. */
const PROGRAM = `
  const { constants, PerformanceObserver } = await import('node:perf_hooks');
  const { setTimeout: sleep } = await import('node:timers/promises');
  const { letBytesPass, setHeapGrowth } = await import('${GROWTH}');
  let collections = 0;
  new PerformanceObserver((list) => {
    collections += list.getEntries().filter(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length;
  }).observe({ entryTypes: ['gc'] });
  const alive = Array.from({ length: 200_000 }, (_, index) => ({ index, of: [index / 7] }));
  const pass = async () => {
    const queue = [];
    for (let chunk = 0; chunk < 65_536; chunk++) {
      queue[chunk % 500] = Buffer.allocUnsafeSlow(16_384);
      if (chunk % 1000 === 0) await sleep(1);
    }
    await sleep(10);
    const seen = collections;
    collections = 0;
    return seen;
  };
  // How far a heap may grow is decided at the end of each collection.
  const collect = async () => {
    gc();
    await sleep(10);
    collections = 0;
  };
  setHeapGrowth(50);
  await collect();
  const counts = [await pass()];
  const [one, other] = [letBytesPass(), letBytesPass()];
  await collect();
  one();
  one();
  counts.push(await pass());
  other();
  await collect();
  counts.push(await pass());
  console.log(JSON.stringify(alive.length > 0 ? counts : []));
`;

test('while bytes pass, and no longer, they do not have all of the heap looked through again and again', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    '--input-type=module',
    '--eval',
    PROGRAM,
  ]);
  const [before, meanwhile, after] = JSON.parse(stdout) as [number, number, number];
  assert.ok(meanwhile < 0.5 * before && meanwhile < 0.5 * after, `${before}, ${meanwhile}, ${after}`);
});
