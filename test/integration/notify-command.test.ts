import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../support/command.js';
import { withScratch } from '../support/scratch.js';
import { freePort } from './support/database.js';
import { withHttpServer } from './support/http.js';
import { USER, withMailServer } from './support/smtp.js';

const CDT = fileURLToPath(new URL('../../../bin/cdt.mjs', import.meta.url));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function notify(words: string[], environment: Record<string, string>): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [CDT, 'notify', ...words],
      { env: cleanEnvironment(environment) },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number((error as { code?: unknown }).code), stdout, stderr }),
    );
  });
}

test('cdt notify test reaches each channel, and tells of each that it does not reach what is wrong and what to do', (t) =>
  withScratch(t, (scratch) =>
    withMailServer({ secure: true }, (mail) =>
      withHttpServer(
        ({ path }) =>
          path === '/hook' ? { status: 200, body: 'ok' } : { status: 404, body: 'no such hook' },
        async (http) => {
          const file = join(scratch, 'notifications.toml');
          const nowhere = await freePort();
          await writeFile(
            file,
            `[[channels]]
name = "night-shift"
type = "email"
server = "env:CCAT_DATA_TRANSFER_NOTIFICATIONS_SMTP"
from = "cdt@example.org"
to = ["night@example.org"]
ca_file = "${mail.caFile}"
[[channels]]
name = "operations"
type = "mattermost"
url = "${http.url}/hook"
[[channels]]
name = "mistyped"
type = "slack"
url = "${http.url}/other/s3cret-path"
[[channels]]
name = "dead"
type = "slack"
url = "http://127.0.0.1:${nowhere}/s3cret-path"
`,
          );
          const password = encodeURIComponent(USER.password);
          const environment = {
            CCAT_DATA_TRANSFER_NOTIFICATIONS: file,
            CCAT_DATA_TRANSFER_NOTIFICATIONS_SMTP: `smtps://${USER.name}:${password}@localhost:${mail.port}`,
          };
          const all = await notify(['test'], environment);
          assert.equal(all.code, 1, all.stderr);
          const told = all.stdout.split('\n');
          assert.deepEqual(told.slice(0, 2), [
            'night-shift: sent (250 OK: message queued)',
            'operations: sent (200 ok)',
          ]);
          assert.match(told[2]!, /^mistyped: not sent: PermanentError: .* answered 404 no such hook$/);
          assert.match(told[3]!, /^ {2}check the address/);
          assert.match(told[4]!, /^dead: not sent: NetworkError: .* can't be reached: connect ECONNREFUSED/);
          assert.ok(!/s3cret-path|battery/.test(all.stdout + all.stderr), 'no secret is told');

          assert.deepEqual(
            [mail.mails[0]?.user, mail.mails[0]?.secure, mail.mails[0]?.to],
            [USER.name, true, ['night@example.org']],
          );
          assert.match(mail.mails[0]!.text, /Subject: \[cdt info\] test: night-shift\r\n/);
          assert.match(mail.mails[0]!.text, /tests this channel; nothing is wrong/);
          const hook = http.requests.find(({ path }) => path === '/hook');
          assert.match(
            (JSON.parse(hook!.body) as { text: string }).text,
            /tests this channel; nothing is wrong/,
          );

          const unknown = await notify(['test', '--channel', 'operation'], environment);
          assert.equal(unknown.code, 1);
          assert.match(unknown.stderr, /there is no channel operation\n.*operations, mistyped/);
          await writeFile(file, '[[channels]]\nname = "x"\ntype = "emial"\n');
          const wrong = await notify(['test'], environment);
          assert.equal(wrong.code, 1);
          assert.match(wrong.stderr, /channels\.0\.type: .*'email' \| 'slack'/);
        },
      ),
    ),
  ));
