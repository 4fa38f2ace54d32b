import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Client } from '@temporalio/client';
import { lastFacts } from '../../../src/client/cli/up/conclusion.js';
import { Observer } from '../../../src/client/cli/up/observer.js';
import type { System } from '../../../src/client/cli/up/system.js';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import { DatabaseError } from '../../../src/core/exceptions.js';
import type { Completion } from '../../../src/core/policy/completion.js';

const SOURCE = { id: 'source' };
const PROGRESS = { files: { registered: 0 }, packages: { creating: { packages: 0 } } };
const DONE: Completion = { state: 'done', left: [], wrong: [] };

/** A catalogue that fails as often as it is told before it answers. */
function catalogueAway(times: number): Catalogue {
  let left = times;
  const answer = <T>(value: T) => {
    if (left-- > 0) return Promise.reject(new DatabaseError('the database system is starting up'));
    return Promise.resolve(value);
  };
  return {
    sourceProgress: () => answer(PROGRESS),
    packagesOfSource: () => answer([]),
    openProblems: () => answer([]),
    liveness: { waitingVerdicts: () => Promise.resolve([]) },
  } as unknown as Catalogue;
}

function observerOf(catalogue: Catalogue): Observer {
  const nothing = {
    withDeadline: (_: number, ask: () => Promise<unknown>) => ask(),
    workflow: {
      list: async function* () {
        // Nothing waits.
      },
      count: () => Promise.resolve({ count: 0 }),
    },
  };
  return new Observer(catalogue, nothing as unknown as Client, SOURCE as never);
}

describe('the end of a run', () => {
  const signal = new AbortController().signal;
  const systemOf = (catalogue: Catalogue) => ({ catalogue, source: SOURCE }) as unknown as System;

  it('waits for a catalogue that is away for a moment, once all is done', async () => {
    const catalogue = catalogueAway(1);
    const told: string[] = [];
    const options = { signal, report: (line: string) => told.push(line) };
    const facts = await lastFacts(systemOf(catalogue), observerOf(catalogue), DONE, options);
    assert.deepEqual(facts.packages, []);
    assert.match(told.join('\n'), /waiting for the catalogue: .*starting up/);
  });

  it('tells what was known when it ends undone while the catalogue is away', async () => {
    const catalogue = catalogueAway(9);
    const facts = await lastFacts(
      systemOf(catalogue),
      observerOf(catalogue),
      { ...DONE, state: 'cannot' },
      { signal, report: () => undefined },
    );
    assert.equal(facts.packages, undefined);
  });
});

describe('what is known of a source', () => {
  it('does not count an answer of the catalogue that is older than the last scan', async () => {
    const observer = observerOf(catalogueAway(0));
    await observer.look();
    assert.ok(observer.situation().progress !== undefined);
    observer.scanned({ entries: 7, unquiet: 0, refused: 0 });
    assert.equal(observer.situation().progress, undefined);
    await observer.look();
    assert.ok(observer.situation().progress !== undefined);
  });
});
