import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { runningWorkflows } from '../src/client/operator.js';
import { formatBytes } from '../src/core/utilities/format.js';
import {
  known,
  median,
  runCases,
  type BenchDocument,
  type BenchOptions,
  type Case,
  type CaseResult,
} from './harness.js';
import { countCosts, type Cost, type Costs } from './history-count.js';
import { INTERVAL_SECONDS, withObservatory, type Observatory } from './observatory.js';
import { makeSource } from './sources.js';
import type { Finished } from './timed.js';

const SIZES = [100, 1000, 5000];
const OURS = 'cdt';
const PACKAGE_BYTES = 1_000_000;
/** Of each byte at the same time: at the source, in both buffers, in the archive; and what the servers write. */
const COPIES = 4.5;
/** Nothing moved for so long: it will not end by itself. */
const STUCK_SECONDS = 240;
const LOOK_EVERY_MS = 1000;
/** Looking at the disks of thousands of packages takes the processor that the work needs: no more than this part of the time. */
const LOOKING_SHARE = 0.05;

/** What one run came to, by what is measured. */
type Figures = Record<string, number>;

/**
 * Packages of 1 MB, each of one observation, from the source to the deletion of all but the archive copy, by real servers and a worker for each
 * of two sites. What a package costs is counted in Temporal's histories.
 */
export async function orchestrate(options: BenchOptions): Promise<BenchDocument> {
  const figures = new Map<string, Figures[]>();
  const cases = await runCases(
    SIZES.map((packages) => caseOf(packages, figures, options)),
    options,
  );
  const measured = cases.map((one) => ({ ...one, figures: medians(figures.get(one.case) ?? []) }));
  return { bench: 'orchestrate', cases: measured, ratios: ratiosOf(measured) };
}

type Around = Pick<BenchOptions, 'signal' | 'say'>;

function caseOf(packages: number, figures: Map<string, Figures[]>, around: Around): Case {
  const name = nameOf(packages);
  return {
    name,
    bytes: packages * PACKAGE_BYTES,
    files: packages,
    contenders: [
      {
        name: OURS,
        run: async () => {
          await requireRoom(packages);
          const { finished, measured } = await withObservatory(
            { bench: 'orchestrate', ...around },
            (observatory) => measure(observatory, packages, around),
          );
          figures.set(name, [...(figures.get(name) ?? []), measured]);
          return finished;
        },
      },
    ],
  };
}

const nameOf = (packages: number) => `${packages} packages`;

async function measure(
  observatory: Observatory,
  packages: number,
  around: Around,
): Promise<{ finished: Finished; measured: Figures }> {
  makeSource(observatory.sourceFolder, { files: packages, fileBytes: PACKAGE_BYTES, filesOfFolder: 1 });
  const begun = performance.now();
  await observatory.startWorkers();
  await untilDone(observatory, packages, around);
  const seconds = (performance.now() - begun) / 1000;
  const cpu = observatory.account.cpuSeconds();
  const peakRssBytes = observatory.account.peakRssBytes('worker');
  await untilOver(observatory, around);
  const costs = await countCosts(observatory.client, INTERVAL_SECONDS);
  tell(costs, cpu, packages, around.say);
  const cpuSeconds = [...cpu.values()].reduce((sum, one) => sum + one, 0);
  return {
    finished: { seconds, cpuSeconds, peakRssBytes, cut: false, output: '' },
    measured: {
      packagesPerSecond: packages / seconds,
      activitiesPerPackage: costs.packages.activities / packages,
      eventsPerPackage: costs.packages.events / packages,
      workflowsPerPackage: costs.packages.executions / packages,
      eventsByTheClock: costs.clock.events,
      activitiesByTheClock: costs.clock.activities,
      ...Object.fromEntries([...cpu].map(([part, used]) => [`cpuSeconds, ${part}`, used])),
    },
  };
}

/** Until everything is archived and nothing lies anywhere else. */
async function untilDone(observatory: Observatory, packages: number, { signal, say }: Around): Promise<void> {
  let before = '';
  let movedAt = performance.now();
  for (;;) {
    const lookedAt = performance.now();
    const left = await observatory.look();
    const took = performance.now() - lookedAt;
    if (left.archived === packages && left.source + left.buffered === 0) return;
    const now = JSON.stringify(left);
    if (now !== before) movedAt = performance.now();
    before = now;
    if (performance.now() - movedAt > STUCK_SECONDS * 1000) {
      const problems = await observatory.catalogue.openProblems();
      throw new Error(
        `nothing moved for ${STUCK_SECONDS} s: ${now} ${JSON.stringify(problems).slice(0, 1000)}`,
      );
    }
    say(`    at the source ${left.source}, in buffers ${left.buffered}, archived ${left.archived}`);
    await sleep(Math.max(LOOK_EVERY_MS, took / LOOKING_SHARE), undefined, { signal });
  }
}

/** Until no journey runs any more: what follows the last deletion costs too. */
async function untilOver({ client }: Observatory, { signal }: Around): Promise<void> {
  for (let quiet = 0; quiet < 3;) {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    quiet = (await runningWorkflows(client)) === 0 ? quiet + 1 : 0;
  }
}

async function requireRoom(packages: number): Promise<void> {
  const needed = packages * PACKAGE_BYTES * COPIES;
  const { bavail, bsize } = await statfs(tmpdir());
  if (bavail * bsize < needed)
    throw new Error(
      `${nameOf(packages)} need ${formatBytes(needed)} in ${tmpdir()}, where ${formatBytes(bavail * bsize)} are free: name another folder in TMPDIR`,
    );
}

function tell(costs: Costs, cpu: Map<string, number>, packages: number, say: (line: string) => void): void {
  const line = (name: string, { executions, events, activities }: Cost) =>
    say(
      `    ${name}: ${executions} executions, ${activities} activities, ${events} events: ` +
        `${(activities / packages).toFixed(2)} and ${(events / packages).toFixed(2)} for each package`,
    );
  line('by packages', costs.packages);
  line('by the clock', costs.clock);
  for (const [type, cost] of [...costs.types].sort(([, a], [, b]) => b.events - a.events)) line(type, cost);
  say(`    CPU: ${[...cpu].map(([part, seconds]) => `${part} ${seconds.toFixed(1)} s`).join(', ')}`);
}

function medians(runs: Figures[]): Figures {
  const names = Object.keys(runs[0] ?? {});
  return Object.fromEntries(names.map((name) => [name, round3(median(runs.map((run) => run[name] ?? NaN)))]));
}

function ratiosOf(cases: CaseResult[]): Record<string, number> {
  const of = (packages: number, figure: string) =>
    cases.find((one) => one.case === nameOf(packages))?.figures?.[figure];
  const ratios: Record<string, number | undefined> = {};
  for (const size of SIZES) {
    ratios[`packages per second, ${nameOf(size)}`] = of(size, 'packagesPerSecond');
    ratios[`activities for each package, ${nameOf(size)}`] = of(size, 'activitiesPerPackage');
    ratios[`events for each package, ${nameOf(size)}`] = of(size, 'eventsPerPackage');
  }
  const [smallest, largest] = [SIZES[0]!, SIZES[SIZES.length - 1]!];
  for (const figure of ['activitiesPerPackage', 'eventsPerPackage'] as const) {
    const [few, many] = [of(smallest, figure), of(largest, figure)];
    if (few !== undefined && many !== undefined)
      ratios[`${figure}, ${nameOf(largest)} / ${nameOf(smallest)}`] = round3(many / few);
  }
  return known(ratios);
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}
