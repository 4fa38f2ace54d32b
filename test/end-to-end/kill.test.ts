import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { UpCommand, assertAllArchived, assertNothingRuns, killAll, lastLines } from '../support/command.js';
import { DataDirectory } from '../support/observatory.js';
import { processesOf, signalProcess } from '../support/processes.js';
import { Random, testSeed } from '../support/random.js';
import { assertArchiveHolds } from '../support/read-archive.js';
import type { ReportedPackage } from '../support/report.js';
import { withScratch } from '../support/scratch.js';
import { PARTS, partOf, type PartName } from '../support/servers.js';
import { fingerprint } from '../support/tree.js';
import { buildTree } from '../support/weird-tree.js';

const MB = 1_000_000;
const KILLS = Number(process.env['CDT_TEST_KILLS'] ?? 20);
/** Between one kill and the next, in milliseconds: long enough for some work, too short for all of it. */
const PAUSE_MS = [2_000, 6_000] as const;
/** Ways to kill the command itself; "power cut" takes every process at the same moment. */
const WHOLE = ['command', 'command with its process group', 'everything (power cut)'] as const;
type Way = (typeof WHOLE)[number];

test(
  `nothing is lost and nothing is done twice when ${KILLS} SIGKILLs hit any part at any moment`,
  { timeout: 40 * 60_000 },
  (t) =>
    withScratch(t, async (scratch) => {
      const data = join(scratch, 'data');
      t.after(() => killAll(scratch));
      const directory = new DataDirectory(data);
      const random = new Random(testSeed(say));
      const packages: ReportedPackage[] = [];
      // Whoever is to be killed next, last one first: in random order, but each as often as the others.
      const victims: (PartName | Way)[] = [];
      let kills = 0;

      // One round archives one fresh source; there are as many rounds as it takes to place all kills while something is done.
      for (let round = 1; kills < KILLS; round += 1) {
        const source = join(scratch, `source-${round}`);
        mkdirSync(source);
        const tree = buildTree(source, {
          files: 1500,
          seed: random.integer(0, 2 ** 31),
          bigFiles: [80, 60, 40, 40, 30, 30].map((size) => size * MB),
        });
        const before = fingerprint(source);
        say(`round ${round}: ${tree.size} paths`);
        let command = new UpCommand({ source, dataDirectory: data });
        while (kills < KILLS && (await stillRunningAfter(command, random.integer(...PAUSE_MS)))) {
          if (victims.length === 0) victims.push(...random.shuffled([...PARTS, ...WHOLE]));
          const victim = victims.pop()!;
          if (!(await kill(command, victim))) continue;
          say(`kill ${++kills} of ${KILLS}: ${victim}`);
          if (command.running) continue;
          keep(scratch, command);
          command = new UpCommand({ source, dataDirectory: data });
        }
        await command.ended;
        keep(scratch, command);

        const report = assertAllArchived(await command.ended);
        assertArchiveHolds(report, tree, join(scratch, 'read', String(round)), source);
        assert.deepEqual(fingerprint(source), before, 'the source was touched');
        assert.deepEqual(directory.buffered(), [], 'something is left in the buffers');
        packages.push(...report.packages);
      }
      assert.equal(new Set(packages.map(({ id }) => id)).size, packages.length);
      assert.equal(
        directory.packageObjects().length,
        packages.length,
        'packages that nobody knows lie in the archive',
      );
      await assertNothingRuns(data);
    }),
);

async function stillRunningAfter(command: UpCommand, milliseconds: number): Promise<boolean> {
  await Promise.race([command.ended, sleep(milliseconds)]);
  return command.running;
}

/** Kills one part, or the command itself and waits until it is gone; false when the victim had ended by itself. */
async function kill(command: UpCommand, victim: PartName | Way): Promise<boolean> {
  const data = command.options.dataDirectory;
  if (!isWay(victim)) {
    const part = partOf(data, victim);
    return part !== undefined && signalProcess(part, 'SIGKILL');
  }
  if (victim === 'everything (power cut)') for (const one of processesOf(data)) signalProcess(one, 'SIGKILL');
  else command.signal('SIGKILL', victim === 'command with its process group');
  return (await command.ended).signal === 'SIGKILL';
}

function isWay(victim: string): victim is Way {
  return (WHOLE as readonly string[]).includes(victim);
}

/** Leaves what a command said beside the data, for whoever looks into a failure. */
function keep(scratch: string, command: UpCommand): void {
  mkdirSync(join(scratch, 'said'), { recursive: true });
  writeFileSync(join(scratch, 'said', `${Date.now()}-${command.pid}.txt`), command.stderr);
  if (!command.running && command.stdout === '')
    say(`the command said last: ${lastLines(command.stderr).trim().split('\n').at(-1) ?? ''}`);
}

/** A line for whoever watches, at once and not when the test has ended. */
function say(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}
