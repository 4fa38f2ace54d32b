import { InvalidArgumentError, type Command } from 'commander';
import type { StagingItem } from '../../../core/database/catalogue/staging-items.js';
import type { StagingJob } from '../../../core/database/catalogue/staging-jobs.js';
import { isOpen } from '../../../core/policy/staging.js';
import { printable } from '../../../core/utilities/printable.js';
import {
  checkStaging,
  extendJob,
  releaseJob,
  requestStaging,
  scheduleStaging,
  showJob,
  stagingJob,
  waitForStaging,
  type ShownJob,
} from '../../staging.js';
import { count, formatBytes } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import { EXIT, type Io } from '../io.js';
import { operatorName } from '../../operator-name.js';
import { withCatalogue, withTemporal, type ServerAddresses } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface Common {
  json: boolean;
  dataDir?: string;
}

interface RequestFlags extends Common {
  to: string;
  observation?: string[];
  package?: string[];
  file?: string[];
  only?: string[];
  newest?: number;
  archivedOnly?: boolean;
  for?: string;
  reason?: string;
  priority?: number;
  wait: boolean;
  dryRun: boolean;
  cron: string;
}

/** `cdt stage`: files come back from the archives for processing. */
export function registerStage(program: Command, io: Io): void {
  const stage = program
    .command('stage')
    .summary('bring observations, packages or files back from the archives for processing')
    .description(
      'Fetches from the best archive, checks every byte, and lays the files out as the instrument wrote them. The page docs/staging.md tells more.',
    )
    .option('--to <site.location>', 'the processing location')
    .option('--observation <name>', 'an observation, by name or ID; may be given again', several)
    .option('--package <name>', 'a package, by name or ID; may be given again', several)
    .option(
      '--file <path>',
      'a file by its path below the source, or a pattern (*, ?, **); may be given again',
      several,
    )
    .option('--newest <n>', 'the latest observations of which everything is archived', whole)
    .option('--only <pattern>', 'of all these, only files that match; may be given again', several)
    .option('--archived-only', 'take what is archived, also where a part is not')
    .option('--for <time>', 'how long the files stay once they are there: 12h, 7d, 2w')
    .option('--reason <text>', 'why, for those who read the list')
    .option('--priority <n>', '1 (first) to 5', whole)
    .option('--wait', 'return when the files are there; exit 1 if that fails or waits for an operator', false)
    .option('--dry-run', 'tell what it would come to, and ask for nothing', false)
    .option('--schedule <name>', 'ask for this again and again, by a schedule of this name')
    .option('--cron <line>', 'with --schedule: minute, hour, day, month, weekday (UTC)', '0 6 * * *')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: RequestFlags & { schedule?: string }) => {
      if ((flags.to as string | undefined) === undefined)
        program.error("error: required option '--to <site.location>' not specified");
      const servers = await serversFor(flags, io.environment);
      const request = requestOf(flags);
      if (flags.schedule !== undefined) {
        const name = flags.schedule;
        const id = await withTemporal(servers, (client) =>
          scheduleStaging(client, name, flags.cron, request),
        );
        io.out(`schedule ${id}: ${flags.cron} (UTC)\n`);
      } else if (flags.dryRun) {
        const { plan } = await withCatalogue(servers, (catalogue) => checkStaging(catalogue, request));
        io.out(flags.json ? json(plan) : `${size(plan.packages)} to ${flags.to}\n`);
      } else {
        await ask(servers, request, flags, io);
      }
    });

  stage
    .command('list')
    .summary('list the jobs that are open')
    .option('--all', 'those that are over too', false)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (_: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Common & { all: boolean }>();
      const jobs = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.staging.jobs({ open: !flags.all }),
      );
      io.out(flags.json ? json(jobs) : `${jobs.length === 0 ? 'no staging job is open' : jobTable(jobs)}\n`);
    });
  stage
    .command('show <job>')
    .summary('tell what a job has')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (word: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Common>();
      const shown = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        showJob(catalogue, word),
      );
      io.out(flags.json ? json(shown) : described(shown));
    });
  stage
    .command('release <job>')
    .summary('end a job: its files are needed no more')
    .option('--note <text>', 'why, for those who read the history')
    .option(...DATA_DIR)
    .action(async (word: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Common & { note?: string }>();
      await toJob(flags, word, async (client, job) => {
        await releaseJob(client, job.workflowId, { by: operatorName(), note: flags.note });
        io.out(`${job.id} is released\n`);
      });
    });
  stage
    .command('extend <job>')
    .summary('keep the files of a job for longer, from now on (--for)')
    .option('--for <time>', '12h, 7d, 2w')
    .option(...DATA_DIR)
    .action(async (word: string, _: unknown, command: Command) => {
      const flags = command.optsWithGlobals<Common & { for?: string }>();
      const keepFor = flags.for ?? program.error("error: required option '--for <time>' not specified");
      await toJob(flags, word, async (client, job) => {
        io.out(
          `${job.id} stays until ${await extendJob(client, job.workflowId, { keepFor, by: operatorName() })}\n`,
        );
      });
    });

  async function toJob(
    flags: Common,
    word: string,
    act: (client: Parameters<typeof releaseJob>[0], job: StagingJob) => Promise<void>,
  ): Promise<void> {
    const servers = await serversFor(flags, io.environment);
    const job = await withCatalogue(servers, (catalogue) => stagingJob(catalogue, word));
    await withTemporal(servers, (client) => act(client, job));
  }
}

async function ask(servers: ServerAddresses, request: object, flags: RequestFlags, io: Io): Promise<void> {
  await withCatalogue(servers, (catalogue) =>
    withTemporal(servers, async (client) => {
      const { jobId, workflowId, folder, plan } = await requestStaging(client, catalogue, request);
      io.err.write(
        `${jobId}: ${size(plan.packages)} to ${flags.to}, there once it is ready: ${printable(folder)}\n`,
      );
      const { state, waitsFor } = flags.wait
        ? await waitForStaging(client, catalogue, jobId)
        : { state: 'requested' };
      if (waitsFor !== undefined) io.err.write(`it waits for an operator: ${printable(waitsFor)}\n`);
      if (flags.wait && state !== 'ready') io.exit(EXIT.failed);
      if (flags.json) io.out(json({ jobId, workflowId, state, folder }));
      else io.out(flags.wait && state === 'ready' ? `${folder}\n` : `${jobId}\n`);
    }),
  );
}

function requestOf(flags: RequestFlags): object {
  const given = {
    destination: flags.to,
    observations: flags.observation,
    packages: flags.package,
    files: flags.file,
    newest: flags.newest,
    only: flags.only,
    archivedOnly: flags.archivedOnly,
    requestedBy: operatorName(),
    reason: flags.reason,
    keepFor: flags.for,
    priority: flags.priority,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function jobTable(jobs: StagingJob[]): string {
  const rows = jobs.map((job) => [
    job.id,
    job.state,
    job.destination,
    job.requestedBy,
    `${job.packagesStaged}/${job.packages}`,
    String(job.files),
    formatBytes(job.bytes),
    job.endedAt ?? job.expiresAt,
    job.endedWhy ?? job.reason ?? '',
  ]);
  return table(['job', 'state', 'where', 'for', 'packages', 'files', 'size', 'until', 'why'], rows, {
    right: [4, 5, 6],
  });
}

function described({ packages, folder, ...job }: ShownJob): string {
  const lines = [jobTable([{ ...job, packages: packages.length }]), itemTable(packages)];
  if (isOpen(job.state))
    lines.push(`its files ${job.state === 'ready' ? 'are' : 'will be'} in ${printable(folder)}`);
  return `${lines.join('\n')}\n`;
}

function itemTable(items: StagingItem[]): string {
  const rows = items.map((one) => [
    one.status,
    one.name,
    `${one.files}${one.partial ? ' (some)' : ''}`,
    formatBytes(one.bytes),
    one.archive ?? '',
    one.reason ?? '',
  ]);
  return table(['state', 'package', 'files', 'size', 'from', 'why'], rows, { right: [2, 3] });
}

function size(packages: { files: number; bytes: number }[]): string {
  const files = packages.reduce((sum, one) => sum + one.files, 0);
  const bytes = packages.reduce((sum, one) => sum + one.bytes, 0);
  return `${count(files, 'file')}, ${formatBytes(bytes)}, of ${count(packages.length, 'package')}`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function several(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function whole(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
