import type { Command } from 'commander';
import type { Location, SourceProgress } from '../../../core/database/records.js';
import { PACKAGE_STATES } from '../../../core/states.js';
import { runningWorkflows, waitingWorkflows } from '../../operator.js';
import { count, formatBytes } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { withCatalogue, withTemporal } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface SourceStatus {
  source: string;
  path: string | null;
  active: boolean;
  progress: SourceProgress;
}

export function registerStatus(program: Command, io: Io): void {
  program
    .command('status')
    .summary('tell how far everything is')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: { json: boolean; dataDir?: string }) => {
      const servers = await serversFor(flags, io.environment);
      const status = await withCatalogue(servers, async (catalogue) => {
        const locations = await catalogue.locations();
        const sources: SourceStatus[] = [];
        for (const one of locations.filter(({ locationType }) => locationType === 'source')) {
          sources.push({
            source: nameOf(one),
            path: one.path ?? null,
            active: one.active,
            progress: await catalogue.sourceProgress(one.id),
          });
        }
        return { sources, problems: (await catalogue.openProblems()).length };
      });
      const work = await withTemporal(servers, async (client) => {
        const waiting = (await waitingWorkflows(client)).length;
        return { running: Math.max(0, (await runningWorkflows(client)) - waiting), waiting };
      });
      const document = { ...status, ...work, temporalUi: servers.temporal.uiUrl ?? null };
      io.out(flags.json ? `${JSON.stringify(document, null, 2)}\n` : `${describe(document)}\n`);
    });
}

function nameOf(location: Location): string {
  return `${location.site}.${location.name}`;
}

function describe(status: {
  sources: SourceStatus[];
  problems: number;
  running: number;
  waiting: number;
  temporalUi: string | null;
}): string {
  const rows = status.sources.map(({ source, active, progress: { files, packages } }) => [
    active ? source : `${source} (not watched)`,
    String(files.registered),
    String(files.refused),
    ...PACKAGE_STATES.map((state) => String(packages[state].packages)),
    formatBytes(packages.archived.bytes),
  ]);
  const head = ['source', 'files to package', 'refused', ...PACKAGE_STATES, 'archived bytes'];
  const lines =
    rows.length === 0
      ? ['there is no source yet']
      : [table(head, rows, { right: head.map((_, column) => column).slice(1) })];
  const facts = [
    `${count(status.running, 'journey')} under way`,
    `${status.waiting} waiting for an operator`,
    count(status.problems, 'open problem'),
  ];
  lines.push(facts.join(', '));
  if (status.temporalUi !== null) lines.push(`Temporal UI: ${status.temporalUi}`);
  return lines.join('\n');
}
