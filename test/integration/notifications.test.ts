import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataSource } from 'typeorm';
import type { Catalogue } from '../../src/core/database/catalogue.js';
import { NetworkError } from '../../src/core/exceptions.js';
import { makeLogger } from '../../src/core/logging.js';
import { Metrics } from '../../src/core/metrics.js';
import { NotificationService, type Notice } from '../../src/core/notification-service.js';
import type { Channel } from '../../src/core/notifications/channel.js';
import { NotificationDelivery } from '../../src/core/notifications/delivery.js';
import type { OutgoingMessage } from '../../src/core/notifications/notice.js';
import { withCatalogue } from './support/database.js';

/** What is told when, on the real catalogue; the channel remembers or refuses. */

const log = makeLogger({ level: 'error', format: 'json' });
log.silent = true;
const NOTICE: Notice = {
  level: 'critical',
  kind: 'operator_needed',
  subject: 'obs-1',
  happened: 'it failed',
};

class Phone implements Channel {
  readonly name = 'phone';
  readonly heard: OutgoingMessage[] = [];
  broken = false;

  send(message: OutgoingMessage): Promise<string> {
    if (this.broken) return Promise.reject(new NetworkError('no line'));
    this.heard.push(message);
    return Promise.resolve('');
  }
}

interface Lab {
  catalogue: Catalogue;
  dataSource: DataSource;
  phone: Phone;
  metrics: Metrics;
  tell: (changes?: Partial<Notice>) => Promise<void>;
  /** One round of a sender; `later` makes everything that waits for its time due. */
  deliver: (options?: { later?: boolean }) => Promise<void>;
}

async function withPhone(
  settings: { perHour?: number; attempts?: number; levels?: Notice['level'][] },
  work: (lab: Lab) => Promise<void>,
): Promise<void> {
  await withCatalogue(async ({ catalogue, dataSource }) => {
    const phone = new Phone();
    const metrics = new Metrics();
    const service = new NotificationService(catalogue.notifications, log);
    const { perHour = 100, attempts = 3, levels = ['info', 'warning', 'critical'] } = settings;
    const sender = () =>
      new NotificationDelivery(
        catalogue,
        [phone],
        {
          channels: [{ name: 'phone', levels, type: 'email', from: '', to: [], server: undefined as never }],
          repeatSeconds: 3600,
          perHour,
          attempts,
          namespace: 'default',
        },
        log,
        metrics,
      );
    const [one, another] = [sender(), sender()];
    try {
      await work({
        catalogue,
        dataSource,
        phone,
        metrics,
        tell: (changes = {}) => service.tell({ ...NOTICE, ...changes }),
        deliver: async ({ later = false } = {}) => {
          if (later) {
            await dataSource.query(`update notification set tell_at = now()`);
            await dataSource.query(`update notification_delivery set due_at = now() where state = 'waiting'`);
          }
          // Always by two at once, as with two workers.
          await Promise.all([one.deliver(), another.deliver()]);
        },
      });
    } finally {
      await Promise.all([one.close(), another.close(), service.close()]);
    }
  });
}

const countsHeard = ({ heard }: Phone) => heard.map(({ notices }) => notices.map(({ count }) => count));

test('the same thing is told once by any number of senders, and again with how often it happened when its time has passed', () =>
  withPhone({}, async ({ phone, tell, deliver }) => {
    await tell();
    await tell();
    await deliver();
    assert.deepEqual(countsHeard(phone), [[2]]);
    await tell();
    await deliver();
    assert.equal(phone.heard.length, 1);
    await deliver({ later: true });
    assert.deepEqual(countsHeard(phone), [[2], [3]]);
    await deliver({ later: true });
    assert.equal(phone.heard.length, 2);
  }));

test('what got worse, and what was resolved and came back, is told at once', () =>
  withPhone({}, async ({ phone, tell, deliver }) => {
    await tell({ level: 'warning' });
    await deliver();
    await tell({ level: 'critical' });
    await deliver();
    await tell({ level: 'info', kind: 'operator_decided', resolves: 'operator_needed' });
    await deliver();
    await tell();
    await deliver();
    assert.deepEqual(
      phone.heard.map(({ level, notices }) => [level, notices[0]?.kind, notices[0]?.count]),
      [
        ['warning', 'operator_needed', 1],
        ['critical', 'operator_needed', 2],
        ['info', 'operator_decided', 1],
        ['critical', 'operator_needed', 1],
      ],
    );
  }));

test('a channel hears its levels only', () =>
  withPhone({ levels: ['critical'] }, async ({ phone, tell, deliver }) => {
    await tell({ level: 'warning', subject: 'a' });
    await tell({ level: 'critical', subject: 'b' });
    await deliver();
    assert.deepEqual(
      phone.heard.map(({ notices }) => notices[0]?.subject),
      ['b'],
    );
  }));

test('a storm is held back and told as one message once the channel may be told again; critical things do not wait behind others', () =>
  withPhone({ perHour: 2 }, async ({ dataSource, phone, tell, deliver }) => {
    for (let number = 1; number <= 6; number++) await tell({ level: 'warning', subject: `obs-${number}` });
    await deliver();
    await deliver({ later: true });
    assert.equal(phone.heard.length, 2);
    await tell({ level: 'critical', subject: 'the link' });
    await deliver();
    assert.equal(phone.heard.length, 3);
    await dataSource.query(
      `update notification_delivery set ended_at = ended_at - interval '2 hours' where ended_at is not null`,
    );
    await deliver();
    assert.deepEqual(
      phone.heard.at(-1)?.notices.map(({ subject }) => subject),
      ['obs-3', 'obs-4', 'obs-5', 'obs-6'],
    );
  }));

test('a channel that is away is tried again so often as is set, then given up, counted, and shown as a problem until it works', () =>
  withPhone({ attempts: 3 }, async ({ catalogue, phone, metrics, tell, deliver }) => {
    phone.broken = true;
    await tell();
    for (let time = 1; time <= 5; time++) await deliver({ later: true });
    const [problem] = await catalogue.openProblems();
    assert.equal(problem?.operation, 'notification');
    assert.equal(problem.subject, 'phone');
    const [state] = await catalogue.notifications.channels();
    assert.deepEqual([state?.failed, state?.waiting, state?.lastError], [1, 0, 'no line']);
    const counted = (await metrics.notifications.get()).values.map(({ labels, value }) => [
      labels['outcome'],
      value,
    ]);
    assert.deepEqual(counted, [
      ['retried', 2],
      ['failed', 1],
    ]);
    phone.broken = false;
    await tell({ subject: 'something else' });
    await deliver();
    assert.equal(phone.heard.length, 1);
    assert.deepEqual(await catalogue.openProblems(), []);
  }));

test('telling never fails: while the catalogue is away notices are kept, and noted when it is back', async () => {
  const noted: string[] = [];
  let away = true;
  const service = new NotificationService(
    {
      record: ({ subject }) => {
        if (away) return Promise.reject(new NetworkError('no catalogue'));
        noted.push(subject);
        return Promise.resolve();
      },
    },
    log,
  );
  for (let number = 1; number <= 600; number++) await service.tell({ ...NOTICE, subject: `obs-${number}` });
  away = false;
  await service.close();
  assert.equal(noted.length, 500);
  assert.equal(noted.at(-1), 'obs-600');
});
