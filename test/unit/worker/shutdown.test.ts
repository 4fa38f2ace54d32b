import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { makeLogger } from '../../../src/core/logging.js';
import { serviceShutdown } from '../../../src/worker/shutdown.js';

function laboratory() {
  const events = new EventEmitter();
  const exits: number[] = [];
  const clock = { now: 0 };
  const stop = serviceShutdown(
    makeLogger({ level: 'error', format: 'json' }),
    Object.assign(events, { exit: (code: number) => void exits.push(code) }) as never,
    () => clock.now,
  );
  return { stop, exits, clock, send: (signal: string) => events.emit(signal) };
}

test('the first signal asks to end in good order, a second one ends at once', () => {
  const { stop, exits, clock, send } = laboratory();
  send('SIGTERM');
  assert.ok(stop.aborted);
  assert.deepEqual(exits, []);
  clock.now = 3000;
  send('SIGINT');
  assert.deepEqual(exits, [130]);
});

test('one Ctrl-C that comes from the terminal and from the parent too is one signal', () => {
  const { exits, clock, send } = laboratory();
  send('SIGINT');
  clock.now = 100;
  send('SIGTERM');
  assert.deepEqual(exits, []);
});
