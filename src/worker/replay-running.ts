import type { Client } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { workflowCode } from './worker-options.js';

/** Histories that are fetched at a time. */
const CONCURRENCY = 5;

/**
 * Replays the history of every workflow that runs in the namespace with the workflow code of this build. Changes nothing.
 *
 * @returns one entry for each, with the reason where the code can't follow
 */
export async function replayRunning(client: Client): Promise<{ workflowId: string; error?: string }[]> {
  Runtime.install({ logger: new DefaultLogger('ERROR', () => undefined) });
  const histories = client.workflow
    .list({ query: 'ExecutionStatus = "Running"' })
    .intoHistories({ concurrency: CONCURRENCY });
  const replayed: { workflowId: string; error?: string }[] = [];
  for await (const { workflowId, error } of Worker.runReplayHistories(workflowCode(), histories))
    replayed.push({ workflowId, ...(error === undefined ? {} : { error: error.message }) });
  return replayed;
}
