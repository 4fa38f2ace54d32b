import assert from 'node:assert/strict';
import { openSync, readFileSync, truncateSync, writeSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { breakers, resetBreaker } from '../../src/client/breakers.js';
import { workNow } from '../../src/client/explain/work.js';
import { waitingWorkflows } from '../../src/client/operator.js';
import { whyWorkWaits, nextOfWork } from '../../src/core/policy/explanation.js';
import type { Transport } from '../../src/core/transport/transport.js';
import { withSending, type SendingLab } from './support/sending.js';

/** Real workflows, activities, catalogue, SSH server and files; faults are put into the line and into files. */

const TIMEOUT = { timeout: 120_000 };
const QUICK = {
  'liveness.breaker_failures': 2,
  'liveness.breaker_first_wait_seconds': 1,
  'liveness.breaker_longest_wait_seconds': 2,
  'liveness.breaker_probe_seconds': 30,
} as const;

/** So that only an operator's word can be what lets it go on. */
const HOURS = {
  ...QUICK,
  'liveness.breaker_first_wait_seconds': 3600,
  'liveness.breaker_longest_wait_seconds': 3600,
} as const;

async function until(what: string, test: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; !(await test()); tries += 1) {
    assert.ok(tries < 1000, `it did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const untilArrived = ({ catalogue }: SendingLab, packages: { id: string; name: string }[]) =>
  until(`${packages.map(({ name }) => name).join(', ')} arrived`, async () => {
    const found = await Promise.all(packages.map(({ id }) => catalogue.packageSummary(id)));
    return found.every(({ state }) => state === 'arrived');
  });

const stateOf = async ({ catalogue }: SendingLab, name = 'first') =>
  (await breakers(catalogue)).find((one) => one.name === name)?.state ?? 'closed';

/** The journeys that wait for a breaker now. */
async function waiting({ temporal }: SendingLab): Promise<string[]> {
  const ids: string[] = [];
  const query = 'ExecutionStatus = "Running" AND CdtState = "waiting_for_breaker"';
  for await (const { workflowId } of temporal.client.workflow.list({ query })) ids.push(workflowId);
  return ids;
}

const same = ({ here, there }: SendingLab, { name }: { name: string }) =>
  readFileSync(join(here, `${name}.tar`)).equals(readFileSync(join(there, `${name}.tar`)));

test(
  'a dead route is left alone, another one carries what waits, and a probe lets it be used again',
  TIMEOUT,
  (t) =>
    withSending(t, QUICK, async (lab) => {
      lab.line.cut();
      const packages = [await lab.package(50_000), await lab.package(50_000)];
      await lab.plan();
      await until('both transfers wait', async () => (await waiting(lab)).length === 2);
      const [workflowId = ''] = await waiting(lab);
      const work = await workNow(lab.temporal.client, workflowId);
      if (work?.leftAlone !== undefined && work.activities.length === 0) {
        assert.equal(whyWorkWaits(work).for, 'breaker');
        assert.match(whyWorkWaits(work).words, /the route first is left alone until .* \(NetworkError/);
        assert.equal(nextOfWork(work)?.at, work.leftAlone.until);
      }
      const opened = lab.notices.filter(({ kind }) => kind === 'breaker_opened');
      assert.deepEqual(
        opened.map(({ level, subject }) => ({ level, subject })),
        [{ level: 'warning', subject: 'route first' }],
      );
      assert.deepEqual(await waitingWorkflows(lab.temporal.client), [], 'nobody is asked');

      await lab.routes({ first: true, second: true });
      await untilArrived(lab, packages);
      for (const one of packages) assert.ok(same(lab, one), one.name);
      await until('nothing waits any more', async () => (await waiting(lab)).length === 0);
      assert.notEqual(await stateOf(lab), 'closed');

      lab.line.mend();
      await lab.routes({ first: true, second: false });
      const last = await lab.package(50_000);
      await until('it is planned', async () => {
        await lab.plan();
        return (await lab.catalogue.packageSummary(last.id)).state !== 'waiting';
      });
      await untilArrived(lab, [last]);
      assert.ok(same(lab, last) && lab.line.sent() > 50_000);
      const speeds: { route: string; bytes: number; seconds: number }[] = await lab.dataSource.query(
        `select r.name as route, sum(t.bytes_sent)::float8 as bytes, sum(t.send_seconds) as seconds
         from data_transfer t join data_transfer_route r on r.id = t.route_id group by r.name order by r.name`,
      );
      const [first, second] = speeds;
      assert.ok(first!.bytes > 50_000 && first!.seconds > 0, JSON.stringify(speeds));
      assert.ok(second!.bytes > 100_000 && second!.seconds > 0, JSON.stringify(speeds));
      assert.equal(await stateOf(lab), 'closed');
      assert.ok(lab.notices.some(({ kind }) => kind === 'breaker_closed'));
    }),
);

test('what waits goes on at once when an operator resets the breaker', TIMEOUT, (t) =>
  withSending(t, HOURS, async (lab) => {
    lab.line.cut();
    const one = await lab.package(1000);
    await lab.plan();
    await until('it waits', async () => (await waiting(lab)).length === 1);
    lab.line.mend();
    const subject = { kind: 'route', name: 'first' } as const;
    await assert.rejects(
      resetBreaker(
        lab.catalogue,
        lab.temporal.client,
        { ...subject, name: 'none' },
        { by: 'me', reason: 'x' },
      ),
      /no breaker route\/none/,
    );
    const word = { by: 'night shift', reason: 'the router is back' };
    assert.equal(await resetBreaker(lab.catalogue, lab.temporal.client, subject, word), 1);
    await untilArrived(lab, [one]);
  }),
);

test('a line that drips is given up although bytes move, and counts for its breaker', TIMEOUT, (t) =>
  withSending(
    t,
    {
      ...QUICK,
      'liveness.breaker_failures': 1,
      'liveness.floor_bytes_per_second': 200_000,
      'liveness.floor_window_seconds': 2,
    },
    async (lab) => {
      lab.line.slow(20_000);
      const one = await lab.package(1_000_000);
      await lab.plan();
      await until('it is given up', async () => (await stateOf(lab)) !== 'closed');
      const [breaker] = await breakers(lab.catalogue);
      assert.match(breaker?.lastFailure?.message ?? '', /bytes per second for 2 s, which is below 200000/);
      lab.line.mend();
      await untilArrived(lab, [one]);
      assert.ok(same(lab, one));
    },
  ),
);

test('the limit of a route holds for all that is sent over it at once', TIMEOUT, (t) =>
  withSending(t, QUICK, async (lab) => {
    const limit = 200_000;
    await lab.routes({ first: true, second: false, maxBytesPerSecond: limit });
    const packages = [await lab.package(300_000), await lab.package(300_000)];
    const begun = performance.now();
    await lab.plan();
    await untilArrived(lab, packages);
    const seconds = (performance.now() - begun) / 1000;
    for (const one of packages) assert.ok(same(lab, one), one.name);
    // What may pass at once after a pause is no more than goes within a second; SSH adds a little to it.
    assert.ok(lab.line.sent() <= 1.1 * limit * (seconds + 1), `${lab.line.sent()} bytes in ${seconds} s`);
  }),
);

test(
  'packages that can never arrive wait for an operator after a bounded number of tries, and the others go on',
  TIMEOUT,
  (t) => {
    let poisoned: string | undefined;
    let sent = 0;
    const spoil = (transport: Transport): Transport => ({
      name: transport.name,
      parallelSends: transport.parallelSends,
      close: () => transport.close(),
      send: async (request) => {
        const result = await transport.send(request);
        if (poisoned === undefined || request.name !== `${poisoned}.tar`) return result;
        sent += 1;
        const file = openSync(join(lab?.there ?? '', request.name), 'r+');
        writeSync(file, Buffer.from('spoilt'), 0, 6, 2000);
        closeSync(file);
        return result;
      },
    });
    let lab: SendingLab | undefined;
    return withSending(
      t,
      { ...QUICK, 'transfer.bundle_packages': 4 },
      async (given) => {
        lab = given;
        const [short, damaged, ...good] = [
          await given.package(20_000),
          await given.package(20_000),
          await given.package(20_000),
          await given.package(20_000),
        ];
        truncateSync(join(given.here, `${short.name}.tar`), 1000);
        poisoned = damaged.name;
        await given.plan();
        await untilArrived(given, good);
        await until(
          'an operator is asked',
          async () => (await waitingWorkflows(given.temporal.client)).length === 1,
        );
        const [asked] = await waitingWorkflows(given.temporal.client);
        assert.match(asked?.reason ?? '', new RegExp(`${short.name}.*${damaged.name}`, 's'));
        assert.equal(sent, 3, 'it was sent again, and not for ever');
        assert.equal(await stateOf(given), 'closed', 'the route is not to blame');

        const later = await given.package(20_000);
        await given.plan();
        await untilArrived(given, [later]);
        assert.ok(good.every((one) => same(given, one)) && same(given, later));
      },
      spoil,
    );
  },
);
