import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { choose } from '../../../src/client/cli/commands/decide.js';
import type { WaitingWorkflow } from '../../../src/client/operator.js';

const waiting = (workflowId: string, ...packageNames: string[]): WaitingWorkflow => ({
  workflowId,
  operation: 'data_transfer',
  state: 'waiting_for_operator',
  since: '2026-11-23T00:00:00Z',
  packageNames,
});

const ALL = [waiting('data-transfer/1', 'night-1', 'night-2'), waiting('deletion/2', 'night-2')];

void describe("the target of an operator's word", () => {
  void it('is a workflow by its ID, or everything that concerns a package, with or without its ending', () => {
    assert.deepEqual(choose(ALL, 'deletion/2'), [ALL[1]]);
    assert.deepEqual(choose(ALL, 'night-2'), ALL);
    assert.deepEqual(choose(ALL, 'night-1.tar'), [ALL[0]]);
  });

  void it('is everything that waits when none is named', () => {
    assert.deepEqual(choose(ALL, undefined), ALL);
  });

  void it('is refused when nothing of that name waits: a part of a name is none', () => {
    assert.throws(() => choose(ALL, 'night'), /no workflow that waits for an operator is or concerns night/);
  });
});
