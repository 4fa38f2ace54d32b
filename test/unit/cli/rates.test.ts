import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseProgress, Rates, type ProgressMessage } from '../../../src/client/cli/display/rates.js';

const message = (subject: string, bytesDone: number, bytesTotal = 1000): ProgressMessage => ({
  type: 'progress',
  operation: 'data_transfer',
  subject,
  bytesDone,
  bytesTotal,
});

void describe('rates', () => {
  void it('counts how far each subject has come, once', () => {
    const rates = new Rates();
    for (const bytes of [100, 300, 300]) rates.add(message('a', bytes), 0);
    rates.add(message('b', 50), 0);
    assert.equal(rates.done('data_transfer'), 350);
    assert.equal(rates.done('deletion'), 0);
  });

  void it('takes a lower value for a restart: nothing is undone, nothing counts twice, and the rate tells what moves', () => {
    const rates = new Rates();
    rates.add(message('a', 600), 0);
    rates.add(message('a', 0), 500);
    rates.add(message('a', 200), 1000);
    assert.equal(rates.done('data_transfer'), 600);
    assert.equal(rates.rate('data_transfer', 1000), 800);
    rates.add(message('a', 700), 2000);
    assert.equal(rates.done('data_transfer'), 700);
  });

  void it('calls it progress only when a subject is further than it ever was', () => {
    const rates = new Rates();
    assert.equal(rates.add(message('a', 500), 0), true);
    assert.equal(rates.add(message('a', 500), 1), false);
    assert.equal(rates.add(message('a', 100), 2), false);
    assert.equal(rates.add(message('a', 500), 3), false);
    assert.equal(rates.add(message('a', 501), 4), true);
  });

  void it('averages over the last ten seconds and forgets what came before', () => {
    const rates = new Rates();
    rates.add(message('a', 100), 0);
    rates.add(message('a', 500), 5_000);
    assert.equal(rates.rate('data_transfer', 5_000), 100);
    assert.equal(rates.rate('data_transfer', 14_000), 400 / 9);
    assert.equal(rates.rate('data_transfer', 16_000), 0);
  });

  void it('remembers a bounded number of subjects, the latest ones', () => {
    const rates = new Rates();
    for (let i = 0; i < 3000; i++) rates.add(message(`package ${i}`, 1), 0);
    assert.equal(rates.done('data_transfer'), 3000);
    assert.equal(rates.add(message('package 2999', 1), 0), false);
    assert.equal(rates.add(message('package 0', 1), 0), true);
  });

  void it('ignores messages that are something else', () => {
    assert.equal(parseProgress({ type: 'ready' }), undefined);
    assert.equal(parseProgress('progress'), undefined);
    assert.equal(parseProgress({ ...message('a', 1), bytesDone: -1 }), undefined);
    assert.deepEqual(parseProgress(message('a', 1)), message('a', 1));
  });
});
