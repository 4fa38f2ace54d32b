import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkError, PermanentError, ServiceUnavailableError } from '../../src/core/exceptions.js';
import { makeChannel } from '../../src/core/notifications/make-channel.js';
import type { OutgoingMessage } from '../../src/core/notifications/notice.js';
import type { ChannelSettings } from '../../src/core/notifications/settings.js';
import { wording } from '../../src/core/notifications/wording.js';
import { Secret } from '../../src/core/utilities/secret.js';
import { withHttpServer } from './support/http.js';
import { USER, withMailServer, type MailServer } from './support/smtp.js';

/** The channels against real servers: SMTP with TLS and a user, and HTTP that is as strict as the chat servers' documentation. */

const MESSAGE: OutgoingMessage = {
  id: '0190a0a0-0000-7000-8000-000000000001',
  channel: 'people',
  level: 'critical',
  attempt: 1,
  notices: [
    {
      level: 'critical',
      kind: 'operator_needed',
      subject: 'obs-1 <!channel> @all & more',
      happened: 'sending failed: DataCorruptionError: größer',
      tried: 'three sendings',
      advice: 'look at the buffer',
      workflowId: 'data-transfer/1',
      count: 1,
      firstAt: '2026-11-23T22:00:00.000Z',
      lastAt: '2026-11-23T22:00:00.000Z',
    },
  ],
};
const WORDS = wording(MESSAGE, { temporalUi: 'https://temporal.example/', namespace: 'default' });
const ROUTING = { name: 'people', levels: ['critical'] as const };

function mail(server: MailServer, changes: { password?: string; scheme?: string; trusted?: boolean } = {}) {
  const { password = USER.password, scheme = 'smtp', trusted = true } = changes;
  const settings: ChannelSettings = {
    ...ROUTING,
    type: 'email',
    server: new Secret(`${scheme}://${USER.name}:${encodeURIComponent(password)}@127.0.0.1:${server.port}`),
    from: 'cdt@observatory.example',
    to: ['night@observatory.example', 'day@observatory.example'],
    caFile: trusted ? server.caFile : undefined,
  };
  return makeChannel(settings);
}

for (const secure of [false, true])
  test(`mail arrives over ${secure ? 'TLS from the start' : 'STARTTLS'}, with all that a person needs`, () =>
    withMailServer({ secure }, async (server) => {
      await mail(server, { scheme: secure ? 'smtps' : 'smtp' }).send(MESSAGE, WORDS);
      const [one] = server.mails;
      assert.ok(one);
      assert.equal(one.user, USER.name);
      assert.equal(one.secure, true);
      assert.deepEqual(one.to, ['night@observatory.example', 'day@observatory.example']);
      assert.match(one.text, /Subject: \[cdt critical\] operator needed: obs-1/);
      assert.match(one.text, /What was tried: three sendings/);
      assert.match(one.text, /What to do: look at the buffer/);
      assert.match(
        one.text,
        /https:\/\/temporal\.example\/namespaces\/default\/workflows\/data-transfer%2F1/,
      );
      assert.match(one.text, new RegExp(`Message-ID: <${MESSAGE.id}@`));
    }));

test('a refused password is told for what it is, without the password', () =>
  withMailServer({ secure: false }, async (server) => {
    await assert.rejects(
      mail(server, { password: 'wrong-password-1' }).send(MESSAGE, WORDS),
      (error: Error) => {
        assert.ok(error instanceof PermanentError);
        assert.match(error.message, /535/);
        assert.doesNotMatch(JSON.stringify([error.message, error.context]), /wrong-password-1/);
        return true;
      },
    );
    assert.equal(server.mails.length, 0);
  }));

test('a mail server that can not prove who it is gets neither password nor message', () =>
  withMailServer({ secure: false }, async (server) => {
    await assert.rejects(mail(server, { trusted: false }).send(MESSAGE, WORDS), /certificate/);
    assert.equal(server.mails.length, 0);
  }));

test('a mail server that says "later" is tried again, one that says "never" is not', () =>
  withMailServer({ secure: false }, async (server) => {
    server.refuse.recipients = 451;
    await assert.rejects(mail(server).send(MESSAGE, WORDS), ServiceUnavailableError);
    server.refuse.recipients = 550;
    await assert.rejects(mail(server).send(MESSAGE, WORDS), PermanentError);
  }));

test('Slack and Mattermost get the JSON of their incoming webhooks, and names from outside mention nobody', () =>
  withHttpServer(
    ({ method, headers, body }) => {
      if (method !== 'POST' || headers['content-type'] !== 'application/json')
        return { status: 400, body: 'invalid_payload' };
      const payload = JSON.parse(body) as Record<string, unknown>;
      return Object.keys(payload).join() === 'text' && typeof payload['text'] === 'string'
        ? { status: 200, body: 'ok' }
        : { status: 400, body: 'no_text' };
    },
    async ({ url, requests }) => {
      for (const type of ['slack', 'mattermost'] as const) {
        const channel = makeChannel({ ...ROUTING, type, url: new Secret(`${url}/hooks/s3cr3t-path`) });
        assert.equal(await channel.send(MESSAGE, WORDS), '200 ok');
      }
      const [slack, mattermost] = requests.map(({ body }) => (JSON.parse(body) as { text: string }).text);
      assert.match(slack ?? '', /obs-1 &lt;!channel&gt; @all &amp; more/);
      assert.doesNotMatch(mattermost ?? '', /@all/);
      assert.match(mattermost ?? '', /What happened: sending failed: DataCorruptionError: größer/);
    },
  ));

test('Matrix gets a message under a transaction of its own, so that one told again is shown once', () =>
  withHttpServer(
    ({ method, path, headers, body }) => {
      const room = '/_matrix/client/v3/rooms/!room%3Aobservatory.example/send/m.room.message/';
      if (headers.authorization !== 'Bearer t0ken-of-the-bot')
        return { status: 401, body: '{"errcode":"M_UNKNOWN_TOKEN"}' };
      if (method !== 'PUT' || !path.startsWith(room))
        return { status: 404, body: '{"errcode":"M_UNRECOGNIZED"}' };
      const { msgtype, body: text } = JSON.parse(body) as Record<string, unknown>;
      return msgtype === 'm.text' && typeof text === 'string'
        ? { status: 200, body: '{"event_id":"$1"}' }
        : { status: 400, body: '{"errcode":"M_BAD_JSON"}' };
    },
    async ({ url, requests }) => {
      const matrix = (token: string) =>
        makeChannel({
          ...ROUTING,
          type: 'matrix',
          homeserver: url,
          room: '!room:observatory.example',
          token: new Secret(token),
        });
      await matrix('t0ken-of-the-bot').send(MESSAGE, WORDS);
      await matrix('t0ken-of-the-bot').send({ ...MESSAGE, attempt: 2 }, WORDS);
      assert.equal(new Set(requests.map(({ path }) => path)).size, 1);
      await assert.rejects(matrix('another-t0ken').send(MESSAGE, WORDS), (error: Error) => {
        assert.ok(error instanceof PermanentError);
        assert.match(error.message, /M_UNKNOWN_TOKEN/);
        assert.doesNotMatch(error.message, /another-t0ken/);
        return true;
      });
    },
  ));

test('a chat server that asks to wait is given the time; one that is away is told without its secret address', async () => {
  const limits = [
    { status: 429, headers: { 'retry-after': '17' } },
    { status: 429, body: '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}' },
  ];
  let gone = '';
  await withHttpServer(
    () => limits.shift() ?? { status: 500 },
    async ({ url }) => {
      gone = url;
      const channel = makeChannel({ ...ROUTING, type: 'slack', url: new Secret(`${url}/hooks/s3cr3t-path`) });
      const waits: unknown[] = [];
      for (let time = 1; time <= 3; time++)
        await channel.send(MESSAGE, WORDS).catch((error: unknown) => {
          assert.ok(error instanceof ServiceUnavailableError);
          waits.push(error.retryAfterSeconds);
        });
      assert.deepEqual(waits, [17, 3, undefined]);
    },
  );
  const channel = makeChannel({ ...ROUTING, type: 'slack', url: new Secret(`${gone}/hooks/s3cr3t-path`) });
  await assert.rejects(channel.send(MESSAGE, WORDS), (error: Error) => {
    assert.ok(error instanceof NetworkError);
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /s3cr3t/);
    return true;
  });
});
