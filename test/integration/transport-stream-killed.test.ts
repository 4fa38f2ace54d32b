import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { withCleanup, type Cleanup } from '../support/cleanup.js';
import { countedLink } from '../support/link.js';
import { unusedPort } from '../support/ports.js';
import { withScratch } from '../support/scratch.js';
import type { Said, StreamEnd } from './stream-end.js';
import { identities } from './support/stream.js';

const MIB = 2 ** 20;
const PROGRAM = fileURLToPath(new URL('stream-end.js', import.meta.url));

interface Running {
  pid: number;
  /** Resolves with the first thing it says that this takes; undefined where it ends without. */
  says(wanted: (said: Said) => boolean): Promise<Said | undefined>;
  kill(): Promise<void>;
}

function start(cleanup: Cleanup, end: StreamEnd): Running {
  const child: ChildProcess = spawn(process.execPath, [PROGRAM, JSON.stringify(end)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  };
  cleanup.after(kill);
  const heard: Said[] = [];
  const lines = createInterface(child.stdout!);
  lines.on('line', (line) => heard.push(JSON.parse(line) as Said));
  const closed = once(lines, 'close').then(() => 'closed');
  return {
    pid: child.pid!,
    kill,
    says: async (wanted) => {
      for (;;) {
        const found = heard.find(wanted);
        if (found !== undefined) return found;
        if ((await Promise.race([once(lines, 'line'), closed])) === 'closed') return heard.find(wanted);
      }
    },
  };
}

function fileIn(directory: string, bytes: number) {
  const content = randomBytes(bytes);
  const file = join(directory, 'package.tar');
  writeFileSync(file, content);
  return { file, name: 'package.tar', bytes, sha256: createHash('sha256').update(content).digest('hex') };
}

for (const [who, dies] of Object.entries({
  'the receiver': ['receiver'],
  'the sender': ['sender'],
  'both ends': ['receiver', 'sender'],
}))
  test(`${who} killed in the middle: what was acknowledged is not sent again, and the file is the same byte for byte`, (t) =>
    withScratch(t, (scratch) =>
      withCleanup(async (cleanup) => {
        const to = join(scratch, 'to');
        mkdirSync(to);
        const request = fileIn(scratch, 24 * MIB);
        const port = await unusedPort();
        const link = await countedLink(cleanup, port);
        link.slow(2 * MIB);
        const receive = () =>
          start(cleanup, { role: 'receive', identity: identities.cologne, port, directory: to });
        const send = () =>
          start(cleanup, { role: 'send', identity: identities.chile, port: link.port, request, streams: 8 });

        let acknowledged = 0;
        let receiver = receive();
        await receiver.says(({ ready }) => ready === true);
        // Again and again, so that what a restart finds was itself taken over from one that died.
        for (const share of [0.2, 0.5, 0.8]) {
          const sender = send();
          const told = await sender.says(
            (said) => said.bytesSent !== undefined || (said.acknowledged ?? 0) >= share * request.bytes,
          );
          assert.ok(told?.acknowledged !== undefined, JSON.stringify(told));
          acknowledged = told.acknowledged;
          if (dies.includes('sender')) await sender.kill();
          if (!dies.includes('receiver')) continue;
          await receiver.kill();
          if (!dies.includes('sender')) {
            const failed = await sender.says((said) => said.failed !== undefined);
            assert.equal(failed?.failed, 'NetworkError');
          }
          receiver = receive();
          await receiver.says(({ ready }) => ready === true);
        }
        link.mend();
        const last = await send().says((said) => said.bytesSent !== undefined || said.failed !== undefined);
        assert.ok(
          (last?.bytesSent ?? Infinity) <= request.bytes - acknowledged,
          `${JSON.stringify(last)} after ${acknowledged} of ${request.bytes} bytes were acknowledged`,
        );
        assert.deepEqual(readdirSync(to), [request.name]);
        assert.ok(readFileSync(join(to, request.name)).equals(readFileSync(request.file)));
      }),
    ));

test('a receiver whose disk is slow holds no more than its bound, however many connections send', (t) =>
  withScratch(t, (scratch) =>
    withCleanup(async (cleanup) => {
      const to = join(scratch, 'to');
      mkdirSync(to);
      const request = fileIn(scratch, 400 * MIB);
      const port = await unusedPort();
      const receiver = start(cleanup, {
        role: 'receive',
        identity: identities.cologne,
        port,
        directory: to,
        writeMs: 400,
      });
      await receiver.says(({ ready }) => ready === true);
      const sender = start(cleanup, { role: 'send', identity: identities.chile, port, request, streams: 40 });
      const last = await sender.says((said) => said.bytesSent !== undefined || said.failed !== undefined);
      assert.ok(last?.bytesSent !== undefined, JSON.stringify(last));
      for (const [name, { pid }] of Object.entries({ receiver, sender })) {
        // The sender may have ended by itself.
        const most = peakBytes(pid);
        t.diagnostic(`${name}: ${most === undefined ? 'ended' : `${Math.round(most / MIB)} MiB`}`);
      }
      assert.ok(peakBytes(receiver.pid)! < 300 * MIB, 'less than what came');
    }),
  ));

/** The most memory that a process ever had, by the kernel's account. */
function peakBytes(pid: number): number | undefined {
  try {
    const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return kib === undefined ? undefined : Number(kib) * 1024;
  } catch {
    return undefined; // it has ended
  }
}
