import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batches } from '../../../src/core/notifications/batching.js';
import { channelsFor } from '../../../src/core/notifications/settings.js';
import { wording, workflowLink } from '../../../src/core/notifications/wording.js';

const NOTICE = {
  level: 'warning' as const,
  kind: 'buffer_full',
  subject: 'ccat.buffer\nBcc: everybody',
  happened: 'the buffer is 91 % full',
  count: 3,
  firstAt: '2026-11-23T22:00:00.000Z',
  lastAt: '2026-11-23T22:10:00.000Z',
};

test('a message says what happened, to what, how often, and fits a mail header whatever the names hold', () => {
  const { title, text } = wording(
    { id: '1', channel: 'c', level: 'warning', attempt: 1, notices: [NOTICE] },
    { namespace: 'default' },
  );
  assert.equal(title, '[cdt warning] buffer full: ccat.buffer\\nBcc: everybody');
  assert.match(text, /What happened: the buffer is 91 % full \(3 times since 2026-11-23T22:00:00.000Z\)/);
  assert.match(text, /To what: ccat\.buffer\\nBcc: everybody/);
});

test('a summary lists what was held back, and is bounded', () => {
  const notices = Array.from({ length: 200 }, (_, index) => ({ ...NOTICE, subject: `s${index}` }));
  const { title, text } = wording(
    { id: '1', channel: 'c', level: 'warning', attempt: 1, notices },
    { namespace: 'default' },
  );
  assert.equal(title, '[cdt warning] 200 notifications that were held back');
  assert.match(text, /and 170 more/);
});

test('a workflow is linked to by its ID, whatever is in it', () => {
  const links = { temporalUi: 'https://t.example/', namespace: 'data transfer' };
  assert.equal(
    workflowLink('a/b c', links),
    'https://t.example/namespaces/data%20transfer/workflows/a%2Fb%20c',
  );
  assert.equal(workflowLink('a', { namespace: 'x' }), undefined);
});

test('channels are chosen by level and kind', () => {
  const channels = [
    { name: 'all', levels: ['info', 'warning', 'critical'] as const },
    { name: 'night', levels: ['critical'] as const, exceptKinds: ['test'] },
    { name: 'disks', levels: ['warning', 'critical'] as const, kinds: ['buffer_full'] },
  ];
  assert.deepEqual(channelsFor({ level: 'critical', kind: 'operator_needed' }, channels), ['all', 'night']);
  assert.deepEqual(channelsFor({ level: 'warning', kind: 'buffer_full' }, channels), ['all', 'disks']);
  assert.deepEqual(channelsFor({ level: 'critical', kind: 'test' }, channels), ['all']);
});

test('no delivery is lost or told twice by batching, and no round has more messages than its budget', () => {
  const delivery = fc.record({
    id: fc.uuid(),
    held: fc.boolean(),
    messageId: fc.option(fc.constantFrom('m1', 'm2'), { nil: undefined }),
  });
  fc.assert(
    fc.property(
      fc.uniqueArray(delivery, { selector: ({ id }) => id }),
      fc.integer({ min: -2, max: 10 }),
      (waiting, budget) => {
        const { messages, held } = batches(waiting, budget);
        assert.ok(messages.length <= Math.max(0, budget));
        assert.ok(messages.every((message) => message.length > 0));
        const ids = [...messages.flat(), ...held].map(({ id }) => id).sort();
        assert.deepEqual(ids, waiting.map(({ id }) => id).sort());
      },
    ),
  );
});
