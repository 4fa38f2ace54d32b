import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '@temporalio/client';
import { wakeWaiting } from '../../../src/worker/wake-waiting.js';

const SUBJECT = { kind: 'route', name: 'wan' } as const;

interface Waiting {
  workflowId: string;
  runId: string;
  memo: { left_alone: { kind: string; name: string } };
}

function waits(workflowId: string, name = 'wan'): Waiting {
  return { workflowId, runId: `run of ${workflowId}`, memo: { left_alone: { kind: 'route', name } } };
}

/** A server that answers each look with the next of these lists. */
function serverThatLists(...looks: Waiting[][]): { client: Client; told: string[] } {
  const told: string[] = [];
  const workflow = {
    list: () => looks.shift() ?? [],
    getHandle: (workflowId: string) => ({ signal: () => Promise.resolve(void told.push(workflowId)) }),
  };
  return { client: { workflow } as unknown as Client, told };
}

test('a journey that is listed a moment later is told too, and none twice', async () => {
  const { client, told } = serverThatLists([waits('early')], [waits('early'), waits('late')]);
  assert.equal(await wakeWaiting(client, SUBJECT, 1), 2);
  assert.deepEqual(told, ['early', 'late']);
});

test('what waits for another route is not told', async () => {
  const { client, told } = serverThatLists([waits('other', 'lan')], [waits('other', 'lan')]);
  assert.equal(await wakeWaiting(client, SUBJECT, 1), 0);
  assert.deepEqual(told, []);
});
