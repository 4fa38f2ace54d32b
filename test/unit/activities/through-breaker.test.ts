import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { blameOthers, throughBreaker } from '../../../src/activities/through-breaker.js';
import { BreakerService, type Way } from '../../../src/core/breakers.js';
import type { BreakerSubject } from '../../../src/core/database/catalogue/breakers.js';
import {
  ConfigurationError,
  DatabaseError,
  DataCorruptionError,
  NetworkError,
} from '../../../src/core/exceptions.js';
import { makeLogger } from '../../../src/core/logging.js';
import type { Notice } from '../../../src/core/notification-service.js';
import { afterSuccess, type Breaker } from '../../../src/core/policy/breaker.js';
import { SettingsManager } from '../../../src/core/settings-manager.js';

const WAY: Way = { kind: 'route', name: 'ccat_to_cologne', place: { site: 'ccat', location: 'buffer' } };

/** A breaker of two failures and a minute, over a catalogue that is one variable; time stands until it is moved. */
function bench() {
  const state = { breaker: afterSuccess(), now: 1_000_000, away: false };
  const notices: Notice[] = [];
  const woken: BreakerSubject[] = [];
  const breakers = new BreakerService(
    {
      catalogue: {
        changeBreaker: (_, change: (breaker: Breaker) => Breaker) => {
          if (state.away) return Promise.reject(new DatabaseError('it is away'));
          const before = state.breaker;
          state.breaker = change(before);
          return Promise.resolve({ before, after: state.breaker });
        },
      },
      settings: new SettingsManager(
        { stored: () => Promise.resolve([]) },
        { 'liveness.breaker_failures': 2, 'liveness.breaker_first_wait_seconds': 60 },
      ),
      notifications: { tell: (notice) => Promise.resolve(void notices.push(notice)) },
      log: makeLogger({ level: 'error', format: 'json' }),
      onUsedAgain: (subject) => Promise.resolve(void woken.push(subject)),
    },
    () => state.now,
    () => 0.5,
  );
  const attempt = (error?: unknown, asked?: boolean) =>
    throughBreaker({ breakers }, { ...WAY, asked }, () =>
      error === undefined ? Promise.resolve('done') : Promise.reject(error as Error),
    );
  return { state, notices, woken, attempt };
}

const isLeftAlone = (error: unknown) =>
  error instanceof ApplicationFailure &&
  error.nonRetryable === true &&
  (error.details?.[0] as { leftAlone?: { name: string } }).leftAlone?.name === WAY.name;

test('the failure that opens a breaker ends the attempt for good, and no other is made until the probe', async () => {
  const { state, notices, woken, attempt } = bench();
  await assert.rejects(attempt(new NetworkError('refused')), NetworkError);
  await assert.rejects(attempt(new NetworkError('refused')), isLeftAlone);
  await assert.rejects(attempt(), isLeftAlone);
  state.now += 61_000;
  assert.equal(await attempt(), 'done');
  assert.deepEqual(
    notices.map(({ kind, level }) => [kind, level]),
    [
      ['breaker_opened', 'warning'],
      ['breaker_closed', 'info'],
    ],
  );
  assert.deepEqual(woken, [{ kind: WAY.kind, name: WAY.name }]);
});

test('what a person must mend opens it at once and is told as it is; their word is a probe', async () => {
  const { state, notices, attempt } = bench();
  await assert.rejects(attempt(new ConfigurationError('the key is refused')), ConfigurationError);
  assert.deepEqual([state.breaker.state, notices[0]?.level], ['open', 'critical']);
  await assert.rejects(attempt(), isLeftAlone);
  assert.equal(await attempt(undefined, true), 'done');
  assert.equal(state.breaker.state, 'closed');
});

test('a bad package, and the failure of something else, open nothing; after such a probe the next one may come', async () => {
  const { state, attempt } = bench();
  const ofOthers = () => {
    try {
      return blameOthers(new NetworkError('the other store is away'));
    } catch (error) {
      return error;
    }
  };
  for (const error of [new DataCorruptionError('spoilt'), ofOthers(), new DataCorruptionError('spoilt')])
    await assert.rejects(attempt(error));
  assert.deepEqual([state.breaker.state, state.breaker.failures], ['closed', 0]);
  await assert.rejects(attempt(new NetworkError('refused')));
  await assert.rejects(attempt(new NetworkError('refused')));
  state.now += 61_000;
  await assert.rejects(attempt(new DataCorruptionError('spoilt')), DataCorruptionError);
  assert.equal(await attempt(), 'done');
});

test('while the catalogue is away work goes on', async () => {
  const { state, attempt } = bench();
  state.away = true;
  assert.equal(await attempt(), 'done');
  await assert.rejects(attempt(new NetworkError('refused')), NetworkError);
});
