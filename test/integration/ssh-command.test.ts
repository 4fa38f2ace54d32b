import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  ConfigurationError,
  DataTransferError,
  DestinationFileExistsError,
  NetworkError,
  PermanentError,
  UnpackError,
} from '../../src/core/exceptions.js';
import {
  checkRemoteFolderSizeGb,
  createRemoteFolder,
  unpackRemote,
} from '../../src/core/utilities/remote-folders.js';
import { runSshCommand } from '../../src/core/utilities/ssh.js';
import { withScratch } from '../support/scratch.js';
import { withSshd } from './support/sshd.js';

const HOSTILE = [
  'with space',
  `'"quotes"'`,
  '$(touch pwned)',
  '`id`',
  'line\nbreak',
  '-rf',
  '; exit 7 #',
  'ünï😀',
  '\\back',
  '*?[a]',
  '',
];

test('every argument reaches the program as it is', async (t) => {
  await withScratch(t, (scratch) =>
    withSshd(async (sshd) => {
      const result = await runSshCommand(sshd.target(scratch), ['printf', '%s\\0', ...HOSTILE]);
      assert.equal(result.exitCode, 0);
      assert.deepEqual(result.stdout.split('\0').slice(0, -1), HOSTILE);
    }),
  );
});

test('how the program ended is told: exit code, signal, and both streams', async (t) => {
  await withScratch(t, (scratch) =>
    withSshd(async (sshd) => {
      const target = sshd.target(scratch);
      const failed = await runSshCommand(target, ['sh', '-c', 'echo out; echo err >&2; exit 3']);
      assert.deepEqual(failed, { exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
      const killed = await runSshCommand(target, ['sh', '-c', 'exec kill -9 $$']);
      assert.equal(killed.exitCode === 0, false);
    }),
  );
});

test('a command that takes too long, writes too much or is aborted is given up', async (t) => {
  await withScratch(t, (scratch) =>
    withSshd(async (sshd) => {
      const target = sshd.target(scratch);
      await assert.rejects(
        runSshCommand(target, ['sleep', '60'], { timeLimitSeconds: 1 }),
        (error: Error) => error instanceof DataTransferError && /took more than 1 s/.test(error.message),
      );
      await assert.rejects(
        runSshCommand(target, ['yes'], { maxOutputBytes: 1000 }),
        /wrote more than 1000 bytes/,
      );
      const aborting = new AbortController();
      const running = runSshCommand(target, ['sleep', '60'], { signal: aborting.signal });
      setTimeout(() => aborting.abort(new Error('enough')), 300);
      await assert.rejects(running, /enough/);
    }),
  );
});

test('a host that is not known, and one that is not there, have their classes', async (t) => {
  await withScratch(t, (scratch) =>
    withSshd(async (sshd) => {
      const unknown = sshd.target(scratch, { knownHostsFile: sshd.knownHosts('') });
      await assert.rejects(runSshCommand(unknown, ['true']), ConfigurationError);
      await assert.rejects(runSshCommand(sshd.target(scratch, { port: 1 }), ['true']), NetworkError);
    }),
  );
});

test('folders are made and measured under any name', async (t) => {
  await withScratch(t, (scratch) =>
    withSshd(async (sshd) => {
      const target = sshd.target(scratch);
      for (const name of HOSTILE.filter((one) => one !== '')) {
        const folder = join(scratch, name, 'inner');
        await createRemoteFolder(target, folder);
        await createRemoteFolder(target, folder);
        writeFileSync(join(folder, 'a.fits'), Buffer.alloc(3_000_000, 7));
        const size = await checkRemoteFolderSizeGb(target, folder);
        assert.ok(size >= 0.003 && size < 0.0035, `${name}: ${size}`);
      }
      assert.equal(readdirSync(scratch).length, HOSTILE.length - 1);
      writeFileSync(join(scratch, 'file'), '');
      await assert.rejects(createRemoteFolder(target, join(scratch, 'file')), DestinationFileExistsError);
      await assert.rejects(checkRemoteFolderSizeGb(target, join(scratch, 'none')), PermanentError);
      await assert.rejects(createRemoteFolder(target, 'relative'), PermanentError);
    }),
  );
});

test('a tar is unpacked whole or not at all', async (t) => {
  await withScratch(t, (scratch) =>
    withSshd(async (sshd) => {
      const target = sshd.target(scratch);
      const [source, there] = [join(scratch, 'source'), join(scratch, '$(id) there')];
      mkdirSync(source);
      mkdirSync(there);
      for (const name of HOSTILE.filter((one) => one !== ''))
        writeFileSync(join(source, name), `content of ${name}`);
      writeFileSync(join(source, 'large'), Buffer.alloc(5_000_000, 3));
      const tar = join(scratch, 'a.tar');
      execFileSync('tar', ['-c', '-f', tar, '-C', source, '.']);

      const folder = join(there, "-it's a\npackage");
      await unpackRemote(target, createReadStream(tar), folder);
      execFileSync('diff', ['-r', source, folder]);
      await assert.rejects(unpackRemote(target, createReadStream(tar), folder), DestinationFileExistsError);

      async function* broken() {
        yield* createReadStream(tar, { end: 1_000_000 });
        throw new Error('the source broke off');
      }
      await assert.rejects(unpackRemote(target, broken(), join(there, 'broken')), /the source broke off/);
      const cut = createReadStream(tar, { end: 1_000_000 });
      await assert.rejects(unpackRemote(target, cut, join(there, 'cut')), UnpackError);
      assert.equal(existsSync(join(there, 'broken')) || existsSync(join(there, 'cut')), false);
      assert.deepEqual(readdirSync(there), ["-it's a\npackage"]);
      assert.equal(readFileSync(join(folder, '-rf'), 'utf8'), 'content of -rf');
    }),
  );
});
