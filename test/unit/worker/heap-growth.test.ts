import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const BOUND = new URL('../../../src/worker/heap-growth.js', import.meta.url).href;

/** Holds some 20 MB and makes garbage that lives for a while; tells the largest heap of it, in bytes. */
const CHURN = `
  const { getHeapStatistics } = await import('node:v8');
  const make = (seed) => Array.from({ length: 100 }, (_, index) => index + seed / 7);
  const alive = Array.from({ length: 20_000 }, (_, index) => make(index));
  const passing = [];
  let peak = 0;
  for (let made = 0; made < 200_000; made += 1) {
    passing[made % 10_000] = make(made);
    if (made % 1000 === 0) peak = Math.max(peak, getHeapStatistics().total_heap_size);
  }
  console.log(alive.length > 0 ? peak : 0);
`;

test('a heap that is bound is collected long before it comes to what V8 would let it grow to', async () => {
  const free = await largestHeap(CHURN);
  const bound = await largestHeap(
    `const { boundHeapGrowth } = await import('${BOUND}'); boundHeapGrowth(); ${CHURN}`,
  );
  assert.ok(bound < 0.75 * free, `${bound} bytes, and ${free} without the bound`);
});

test('a thread that is begun afterwards has a small young generation', async () => {
  const young = (first: string) =>
    largestHeap(`
      ${first}
      const { Worker } = await import('node:worker_threads');
      const inThread = \`
        const { getHeapSpaceStatistics } = require('node:v8');
        let peak = 0;
        for (let made = 0, kept = []; made < 300_000; made += 1) {
          kept[made % 100_000] = [made, made / 7, String(made)];
          if (made % 1000 === 0) peak = Math.max(peak, getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space').space_size);
        }
        require('node:worker_threads').parentPort.postMessage(peak);
      \`;
      new Worker(inThread, { eval: true, execArgv: [] }).on('message', (peak) => console.log(peak));
    `);
  const bound = await young(`const { boundHeapGrowth } = await import('${BOUND}'); boundHeapGrowth();`);
  assert.ok(bound <= 2 * 8 * 1024 * 1024, `${bound} bytes`);
  assert.ok((await young('')) > bound);
});

/** The number that a program of its own prints. */
async function largestHeap(program: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program]);
  return Number(stdout);
}
