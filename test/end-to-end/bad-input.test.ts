import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { environmentFor } from '../../src/client/embedded/stack.js';
import {
  UpCommand,
  assertAllArchived,
  assertNothingRuns,
  killAll,
  reportOf,
  up,
  type Ended,
} from '../support/command.js';
import { withSmallDisk, withUnreadableFile } from '../support/hostile-disk.js';
import { DataDirectory, writeFiles } from '../support/observatory.js';
import { Random, testSeed } from '../support/random.js';
import { assertArchiveHolds, unpack } from '../support/read-archive.js';
import type { Report, ReportedProblem } from '../support/report.js';
import { withScratch } from '../support/scratch.js';
import { whileFrozen, withServers } from '../support/servers.js';
import { countFiles, fingerprint, readTree } from '../support/tree.js';
import { buildTree } from '../support/weird-tree.js';

const timeout = 8 * 60_000;
const MB = 1_000_000;

/** A test with a scratch directory, a source and a data directory in it, and no process left at its end. */
function inObservatory(
  name: string,
  run: (place: { scratch: string; source: string; data: string; t: TestContext }) => Promise<void>,
): void {
  test(name, { timeout }, (t) =>
    withScratch(t, async (scratch) => {
      const [source, data] = [join(scratch, 'source'), join(scratch, 'data')];
      t.after(() => killAll(scratch));
      mkdirSync(source);
      await run({ scratch, source, data, t });
      await assertNothingRuns(scratch);
    }),
  );
}

/** Asserts that a run could not do everything, and that it says what with an advice; returns the problems. */
function assertProblems(ended: Ended): { report: Report; problems: ReportedProblem[] } {
  assert.equal(ended.code, 1, `exit code ${ended.code}, ${ended.signal}\n${ended.stderr.slice(-3000)}`);
  const report = reportOf(ended);
  assert.ok(report.problems.length > 0, 'exit code 1 without a problem in the report');
  for (const problem of report.problems) {
    for (const part of [problem.class, problem.operation, problem.subject, problem.message, problem.advice]) {
      assert.ok(typeof part === 'string' && part !== '', `a part is missing in ${JSON.stringify(problem)}`);
    }
  }
  return { report, problems: report.problems };
}

inObservatory(
  'a source that does not exist or is no directory is named at once',
  async ({ scratch, data }) => {
    writeFileSync(join(scratch, 'file'), 'x');
    symlinkSync('nowhere', join(scratch, 'dangling'));
    for (const name of ['missing', 'file', 'dangling']) {
      const source = join(scratch, name);
      const { problems } = assertProblems(await up({ source, dataDirectory: data }));
      assert.ok(
        problems.some(({ subject, message }) => `${subject} ${message}`.includes(source)),
        JSON.stringify(problems),
      );
    }
  },
);

inObservatory(
  'sockets, fifos and unreadable files are told with their reasons, and all the rest is archived',
  async ({ scratch, source, data }) => {
    buildTree(source, { files: 150, seed: 1, bigFiles: [] });
    const tree = readTree(source);
    const unit = join(source, '2026-11-23T02-14-07_CHAI_Orion-KL');
    execFileSync('mkfifo', [join(unit, 'a fifo'), join(source, 'loose\nfifo')]);
    const server = createServer().listen(join(unit, 'a socket'));
    await once(server, 'listening');
    await withUnreadableFile(join(unit, 'unreadable.dat'), async () => {
      const { report, problems } = assertProblems(await up({ source, dataDirectory: data }));
      const told = JSON.stringify(problems);
      for (const name of ['a fifo', 'fifo', 'a socket', 'unreadable.dat'])
        assert.ok(told.includes(name), `${name} in ${told}`);
      assert.match(told, /fifo|pipe/i);
      assert.match(told, /socket/i);
      assert.match(told, /EACCES|permission|denied|unreadable/i);
      for (const entry of report.packages) assert.equal(entry.state, 'archived', entry.name);
      assertArchiveHolds(report, tree, join(scratch, 'read'));
    });
    server.close();
  },
);

inObservatory(
  'a wrong S3 secret is said at once and deletes nothing; with the right one the work goes on',
  async ({ scratch, source, data }) => {
    const tree = buildTree(source, { files: 150, seed: 2, bigFiles: [2 * MB] });
    const before = fingerprint(source);
    await withServers(join(scratch, 'servers'), async (addresses) => {
      const { accessKeyId, secretAccessKey, endpoint, region, root } = addresses.s3;
      const environment = (secret: string) => ({
        CCAT_DATA_TRANSFER_S3_ENDPOINT: endpoint,
        CCAT_DATA_TRANSFER_S3_REGION: region,
        CCAT_DATA_TRANSFER_S3_ACCESS_KEY_ID: accessKeyId,
        CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY: secret,
      });
      const options = { source, dataDirectory: data, arguments: ['--delete-source'] };
      const wrong = await up({ ...options, environment: environment('not-the-secret-at-all') });
      const { problems } = assertProblems(wrong);
      assert.ok(
        problems.some((problem) => problem.class === 'ConfigurationError'),
        JSON.stringify(problems),
      );
      assert.match(JSON.stringify(problems), /CCAT_DATA_TRANSFER_S3_SECRET_ACCESS_KEY/);
      assert.doesNotMatch(wrong.stdout + wrong.stderr, /not-the-secret-at-all/);
      assert.deepEqual(fingerprint(source), before, 'the source was touched');

      const report = assertAllArchived(await up({ ...options, environment: environment(secretAccessKey) }));
      assertArchiveHolds({ ...report, s3: { endpoint, root: root! } }, tree, join(scratch, 'read'));
      assert.equal(countFiles(readTree(source)).files, 0);
      assert.equal(report.source.deleted, report.files);
    });
  },
);

inObservatory(
  'a package larger than the buffer disk waits for an operator, and is made once the disk is larger',
  async ({ scratch, source, data }) => {
    writeFiles(source, ['small/a.dat', 'small/b.dat']);
    writeFiles(source, ['large/c.dat', 'large/d.dat'], 12 * MB);
    const tree = readTree(source);
    await withSmallDisk(join(data, 'sites', 'ccat', 'buffer'), 16 * MB, async (grow) => {
      const { report, problems } = assertProblems(await up({ source, dataDirectory: data }));
      assert.match(JSON.stringify(problems), /space|full|large/i);
      const states = new Map(report.packages.map((entry) => [entry.executedObsUnit, entry.state]));
      assert.equal(states.get('small'), 'archived', 'what fits is archived');
      assert.notEqual(states.get('large'), 'archived');
      grow(64 * MB);
      const again = assertAllArchived(await up({ source, dataDirectory: data }));
      assertArchiveHolds(again, tree, join(scratch, 'read'), source);
    });
  },
);

inObservatory(
  'a full buffer disk is told while it lasts, and the work goes on by itself when there is space',
  async ({ scratch, source, data }) => {
    writeFiles(source, ['unit/a.dat', 'unit/b.dat'], 6 * MB);
    const tree = readTree(source);
    const buffer = join(data, 'sites', 'ccat', 'buffer');
    await withSmallDisk(buffer, 32 * MB, async () => {
      writeFileSync(join(buffer, 'ballast'), Buffer.alloc(24 * MB));
      const command = new UpCommand({ source, dataDirectory: data });
      await command.until('the full disk is told', () =>
        /waits for room|no space|disk is full/i.test(command.stderr),
      );
      await sleep(5_000);
      assert.ok(command.running, 'a disk that is full for a moment ends nothing');
      rmSync(join(buffer, 'ballast'));
      assertArchiveHolds(assertAllArchived(await command.ended), tree, join(scratch, 'read'), source);
    });
  },
);

inObservatory(
  'S3, PostgreSQL and Temporal may each be away for a while',
  async ({ scratch, source, data, t }) => {
    const tree = buildTree(source, {
      files: 400,
      seed: testSeed((line) => t.diagnostic(line)),
      bigFiles: [20 * MB],
    });
    const servers = join(scratch, 'servers');
    await withServers(servers, async (addresses) => {
      const command = new UpCommand({ source, dataDirectory: data, environment: environmentFor(addresses) });
      const buffers = new DataDirectory(data);
      await command.until('the first package is made', () =>
        buffers.buffered().some((path) => path.endsWith('.tar')),
      );
      // While the store is away nothing can be finished: so the other two are away in the middle of the work for certain.
      await whileFrozen(servers, 'versitygw', async () => {
        await sleep(8_000);
        for (const name of ['postgres', 'temporal'] as const) {
          await whileFrozen(servers, name, () => sleep(15_000));
          assert.ok(
            command.running,
            `the command ended while ${name} was away: ${command.stderr.slice(-3000)}`,
          );
        }
      });
      const report = assertAllArchived(await command.ended);
      assertArchiveHolds(
        { ...report, s3: { endpoint: addresses.s3.endpoint, root: addresses.s3.root! } },
        tree,
        join(scratch, 'read'),
        source,
      );
    });
  },
);

inObservatory(
  'files that change, shrink, move and vanish all the time are archived once each, in each version that was still',
  async ({ scratch, source, data, t }) => {
    const random = new Random(testSeed((line) => t.diagnostic(line)));
    const path = (index = random.integer(0, 199)) => join(source, `unit ${index % 4}`, `${index}.dat`);
    writeFiles(
      source,
      ['unit 0', 'unit 1', 'unit 2', 'unit 3'].map((name) => `${name}/quiet.dat`),
    );
    for (let index = 0; index < 200; index += 1)
      writeFileSync(path(index), Buffer.alloc(random.integer(0, 200_000), index));

    const options = { source, dataDirectory: data, arguments: ['--quiet-seconds', '1'] };
    const first = new UpCommand(options);
    for (const until = Date.now() + 20_000; Date.now() < until;) {
      await sleep(random.integer(1, 60));
      const victim = path();
      const deed = random.pick(['grow', 'write', 'remove', 'move', 'shrink']);
      if (deed === 'write')
        writeFileSync(victim, Buffer.alloc(random.integer(0, 200_000), random.integer(0, 255)));
      else if (deed === 'remove') rmSync(victim, { force: true });
      else appendFileSync(victim, Buffer.alloc(random.integer(1, 100_000), 1));
      if (deed === 'move') renameSync(victim, path());
      else if (deed === 'shrink') truncateSync(victim, random.integer(0, 1));
    }
    await first.ended;

    // A file that vanished before it could be packaged may only be told; everything else has to be in the archive.
    const report = reportOf(await up(options));
    for (const problem of report.problems)
      assert.ok(!existsSync(join(source, problem.subject)), JSON.stringify(problem));
    const versions = new Set<string>();
    for (const entry of report.packages.filter(({ state }) => state !== 'failed')) {
      assert.equal(entry.state, 'archived', entry.name);
      const bag = unpack(report, entry, join(scratch, 'read', entry.id));
      for (const [key, member] of readTree(join(bag, 'data'))) {
        if (member.kind !== 'file') continue;
        const version = [key, member.sha256, member.mtimeSeconds].join(' ');
        assert.ok(!versions.has(version), `${key} is in two packages in the same version`);
        versions.add(version);
      }
    }
    for (const [key, member] of readTree(source)) {
      if (member.kind === 'file')
        assert.ok(
          versions.has([key, member.sha256, member.mtimeSeconds].join(' ')),
          `${key} is not archived as it is`,
        );
    }
  },
);

inObservatory('a second start on the same data directory says who holds it', async ({ source, data }) => {
  writeFiles(source, ['unit/a.dat']);
  const holder = new UpCommand({ source, dataDirectory: data, once: false });
  await holder.until('the servers run', () => new DataDirectory(data).archivedFiles() === 1);
  const second = await up({ source, dataDirectory: data });
  assert.equal(second.code, 1);
  assert.ok(second.stderr.includes(String(holder.pid)), `the holder ${holder.pid} in: ${second.stderr}`);
  assert.equal((await holder.stop()).code, 0);
});
