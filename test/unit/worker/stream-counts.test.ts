import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkError } from '../../../src/core/exceptions.js';
import type { Logger } from '../../../src/core/logging.js';
import { Metrics } from '../../../src/core/metrics.js';
import { ConnectionCounts } from '../../../src/worker/stream/counted.js';
import { ProblemLog } from '../../../src/worker/stream/problem-log.js';

test('connections and their bytes are counted while they stand and when they end, each byte once', async () => {
  const metrics = new Metrics();
  const counts = new ConnectionCounts('ccat', metrics);
  const connection = (peer: string) => {
    let end: (reason: Error) => void = () => undefined;
    return {
      bytesRead: 0,
      bytesWritten: 0,
      peer: { site: peer, name: peer },
      onEnd: (act: (reason: Error) => void) => (end = act),
      end: () => end(new Error('closed')),
    };
  };
  const [out, into] = [connection('cologne'), connection('us')];
  counts.add(out, 'out');
  counts.add(into, 'in');
  [out.bytesWritten, out.bytesRead, into.bytesWritten, into.bytesRead] = [1000, 10, 20, 500];
  counts.update();
  counts.update();
  out.bytesWritten = 1500;
  out.end();
  const values = async (metric: 'streamBytes' | 'streamConnections') =>
    (await metrics[metric].get()).values.map(({ labels, value }) => [labels.peer, labels.direction, value]);
  assert.deepEqual(await values('streamBytes'), [
    ['cologne', 'out', 1500],
    ['us', 'in', 500],
  ]);
  assert.deepEqual(await values('streamConnections'), [
    ['cologne', 'out', 0],
    ['us', 'in', 1],
  ]);
});

test('the same problem is told once in a while, whatever port it came from', () => {
  let now = 0;
  const said: string[] = [];
  const log = { warn: (what: string) => said.push(what) } as unknown as Logger;
  const problems = new ProblemLog(log, () => now);
  assert.ok(problems.tell('a connection went wrong', new NetworkError('10.1.2.3:5123 is gone')));
  assert.ok(!problems.tell('a connection went wrong', new NetworkError('10.1.2.3:6000 is gone')));
  assert.ok(problems.tell('a connection went wrong', new NetworkError('10.1.2.4:6000 is gone')));
  now = 11 * 60_000;
  assert.ok(problems.tell('a connection went wrong', new NetworkError('10.1.2.3:7000 is gone')));
  assert.equal(said.length, 3);
});
