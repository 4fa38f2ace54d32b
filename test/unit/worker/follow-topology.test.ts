import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Location } from '../../../src/core/database/records.js';
import { makeLogger } from '../../../src/core/logging.js';
import { TopologyFollower, type Serving } from '../../../src/worker/follow-topology.js';
import { selectedQueues } from '../../../src/worker/selection.js';

const log = makeLogger({ level: 'error', format: 'json' });

function location(
  site: string,
  name: string,
  locationType: Location['locationType'],
  active = true,
): Location {
  return { id: name, site, name, locationType, storageType: 'disk', priority: 0, active, deletable: true };
}

class FakeServing implements Serving {
  readonly served = new Set<string>(['cdt.workflows']);
  readonly busy = new Set<string>();
  get queues(): string[] {
    return [...this.served];
  }
  serves(queue: string): boolean {
    return this.served.has(queue);
  }
  inFlight(queue: string): number {
    return this.busy.has(queue) ? 1 : 0;
  }
  serve(queue: string): Promise<void> {
    this.served.add(queue);
    return Promise.resolve();
  }
  release(queue: string): void {
    this.served.delete(queue);
  }
}

function laboratory(locations: Location[], site?: string) {
  const serving = new FakeServing();
  const waiting = new Set<string>();
  const state = { locations, away: false };
  const follower = new TopologyFollower({
    selection: { site, workflows: true },
    locations: () => (state.away ? Promise.reject(new Error('away')) : Promise.resolve(state.locations)),
    serving,
    able: (queue) => !queue.endsWith('.audit'),
    backlog: (queue) => Promise.resolve(waiting.has(queue) ? 1 : 0),
    log,
  });
  const look = async (times = 1) => {
    for (let time = 0; time < times; time++) await follower.look();
  };
  return { serving, waiting, state, look };
}

test('what comes is served, what is removed is drained and released, and the fixed queues stay', async () => {
  const lab = laboratory([location('ccat', 'a', 'source')]);
  await lab.look();
  const queue = 'ccat.a.raw_data_package_creation';
  assert.ok(lab.serving.serves(queue));
  lab.state.locations = [location('ccat', 'b', 'long_term_archive')];
  lab.serving.busy.add(queue);
  await lab.look(20);
  assert.ok(lab.serving.serves(queue), 'work is at hand');
  lab.serving.busy.clear();
  await lab.look(4);
  assert.deepEqual(lab.serving.queues, ['cdt.workflows', 'ccat.b.long_term_archive_transfer']);
});

test('a location that is switched off is served while something is at hand or waits, and let go after some quiet looks', async () => {
  const queue = 'ccat.a.raw_data_package_creation';
  const lab = laboratory([location('ccat', 'a', 'source')]);
  await lab.look();
  lab.state.locations = [location('ccat', 'a', 'source', false)];
  lab.serving.busy.add(queue);
  await lab.look(20);
  assert.ok(lab.serving.serves(queue), 'work is at hand');
  lab.serving.busy.clear();
  lab.waiting.add(queue);
  await lab.look(20);
  assert.ok(lab.serving.serves(queue), 'work waits');
  lab.waiting.clear();
  await lab.look();
  assert.ok(lab.serving.serves(queue), 'the next step of a journey may be about to come');
  await lab.look(10);
  assert.ok(!lab.serving.serves(queue));
  lab.waiting.add(queue);
  await lab.look(10);
  assert.ok(lab.serving.serves(queue), 'a late retry is done too');
});

test('while the catalogue is away all is served as before', async () => {
  const lab = laboratory([location('ccat', 'a', 'source')]);
  await lab.look();
  lab.state.away = true;
  await assert.rejects(lab.look());
  assert.ok(lab.serving.serves('ccat.a.raw_data_package_creation'));
});

test('a selection narrows by site, location and operation', () => {
  const locations = [
    location('ccat', 'a', 'buffer'),
    location('ccat', 'b', 'buffer', false),
    location('us', 'a', 'buffer'),
  ];
  const names = (selection: object) =>
    selectedQueues(locations, { workflows: false, ...selection }).map(({ queue }) => queue);
  assert.deepEqual(names({ site: 'ccat', location: 'a', operation: 'deletion' }), ['ccat.a.deletion']);
  assert.deepEqual(names({ operation: 'data_transfer' }), [
    'ccat.a.data_transfer',
    'ccat.b.data_transfer',
    'us.a.data_transfer',
  ]);
  assert.equal(
    selectedQueues(locations, { site: 'ccat', workflows: false }).filter((one) => !one.active).length,
    4,
  );
});
