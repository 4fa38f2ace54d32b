import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import winston from 'winston';
import { inContext, timed, within, type Timing } from '../../../src/core/decorators.js';
import { formatFor, makeLogger } from '../../../src/core/logging.js';
import { redacted } from '../../../src/core/redaction.js';
import { Secret } from '../../../src/core/utilities/secret.js';

function logAndLines() {
  const lines: Record<string, unknown>[] = [];
  const log = makeLogger({ level: 'info', format: 'json', fields: { service: 'test' } });
  log.clear().add(
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the type of winston's own transport
    new winston.transports.Stream({
      stream: new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
          done();
        },
      }),
    }),
  );
  return { log, lines };
}

test('every line of an activity has its identifiers, however deep it is written, and lines outside have none', async () => {
  const { log, lines } = logAndLines();
  const work = (workflowId: string) =>
    inContext({ fields: { workflowId } }, async () => {
      await new Promise((resolve) => setImmediate(resolve));
      log.info('deep', { bytes: 1 });
    })();
  await Promise.all([work('a'), work('b')]);
  log.info('outside');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    lines.map(({ message, workflowId, service }) => [message, workflowId, service]),
    [
      ['deep', 'a', 'test'],
      ['deep', 'b', 'test'],
      ['outside', undefined, 'test'],
    ],
  );
});

test('no secret reaches a line: by its key, by its form, or because it is known', async () => {
  const { log, lines } = logAndLines();
  const known = new Secret('the-known-one/1').reveal();
  const error = new Error('connect postgres://cdt:pg-pass@db:5432/x failed', {
    cause: new Error('Authorization: Bearer eyJhbGciOi.J9.xyz'),
  });
  log.error(`it failed with ${known}`, {
    password: 'p4ss',
    nested: { accessKeyId: 'AKIA1', s3: { secretAccessKey: 's3cr3t' } },
    url: 'https://s3.example/b/k?X-Amz-Credential=AKIA2%2F2026&X-Amz-Signature=abcdef0123&partNumber=1',
    header: 'AWS4-HMAC-SHA256 Credential=AKIA3/2026/x, SignedHeaders=host, Signature=0123abcd',
    command: 'bbcp --password=hunter22 -P 2',
    path: encodeURIComponent(known),
    error,
  });
  await new Promise((resolve) => setImmediate(resolve));
  const text = JSON.stringify(lines);
  for (const secret of [
    'the-known-one',
    'p4ss',
    'AKIA',
    's3cr3t',
    'abcdef0123',
    '0123abcd',
    'hunter22',
    'pg-pass',
    'eyJ',
  ])
    assert.doesNotMatch(text, new RegExp(secret), secret);
  assert.match(text, /partNumber=1/);
  assert.match(text, /-P 2/);
});

test('what is no secret stays as it is', () => {
  for (const text of [
    'packaged obs-1_chai_part-1.tar, 3005952 bytes, sha256 9f86d081884c7d659a2feaa0c55ad015',
    'https://temporal.example/namespaces/default/workflows/data-transfer%2F1',
    'the token of the channel is wrong',
  ])
    assert.equal(redacted(text), text);
});

test('a timed function answers and fails as it did, and its time and end are told', async () => {
  const told: Timing[] = [];
  const fail = new Error('no');
  const act = timed(
    (timing) => told.push(timing),
    (good: boolean) => (good ? Promise.resolve(1) : Promise.reject(fail)),
  );
  assert.equal(await act(true), 1);
  await assert.rejects(act(false), fail);
  assert.deepEqual(
    told.map(({ outcome }) => outcome),
    ['completed', 'failed'],
  );
  assert.ok(told.every(({ seconds }) => seconds >= 0));
});

test('within provides the first argument and passes the others on', async () => {
  const act = within(
    (work: (given: string) => Promise<string>) => work('manager'),
    (given: string, one: number, two: number) => Promise.resolve(`${given} ${one + two}`),
  );
  assert.equal(await act(1, 2), 'manager 3');
});

test('where nobody says how, a terminal gets text and everything else JSON', () => {
  assert.equal(formatFor({ isTTY: true }), 'text');
  assert.equal(formatFor({ isTTY: false }), 'json');
  assert.equal(formatFor({}), 'json');
});
