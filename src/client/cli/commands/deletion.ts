import type { Command } from 'commander';
import type { Catalogue } from '../../../core/database/catalogue.js';
import type { PackagePlan } from '../../../core/database/catalogue/deletion-schedule.js';
import type { Location } from '../../../core/database/records.js';
import { ConfigurationError } from '../../../core/exceptions.js';
import type { LocationUse } from '../../../core/policy/deletion-budget.js';
import type { Reason } from '../../../core/policy/reason.js';
import { deletionRules } from '../../../core/deletion-rules.js';
import { printable } from '../../../core/utilities/printable.js';
import { count, formatBytes } from '../../../core/utilities/format.js';
import type { Io } from '../io.js';
import { settingsFor, withCatalogue } from '../stack-access.js';
import { placeHold } from './hold.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface PlanFlags {
  site?: string;
  location?: string;
  json: boolean;
  dataDir?: string;
}

/** One line of a dry run: something that takes up space, and what a deletion would make of it. */
export interface PlannedLine {
  package: string;
  /** `site.location` */
  place: string;
  kind: 'copy' | 'source_files';
  id: string;
  state: string;
  bytes: number;
  /** `due`: goes in the next run; `scheduled`: goes at `until`, unless it is undone; `kept`: the reasons say why. */
  outcome: 'due' | 'scheduled' | 'kept';
  until?: string;
  reasons: Reason[];
}

const PAGE = 200;

/** `cdt deletion`: what would go and why not, and the way back. */
export function registerDeletion(program: Command, io: Io): void {
  const group = program
    .command('deletion')
    .summary('tell what would be deleted and why not; undo what is scheduled');
  group
    .command('plan')
    .summary('dry run: every copy with its answer, within the budgets; nothing is written')
    .description(
      'Tells of everything that takes up space outside of the archives whether it may be deleted and why not, within the budgets; writes nothing. It goes by the settings of the catalogue and of this machine: a value that only the configuration of a worker gives is not seen here.',
    )
    .option('--site <site>', 'only what lies at this site')
    .option('--location <name>', 'only what lies at locations of this name')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: PlanFlags) => {
      const lines = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        dryRun(catalogue, io.environment, flags),
      );
      if (flags.json) io.out(`${JSON.stringify(lines, null, 2)}\n`);
      else io.out(`${[...lines.map(inWords), total(lines)].join('\n')}\n`);
    });
  group
    .command('undo')
    .summary('take back scheduled deletions of a package or an observation, and hold it')
    .argument('<what>', 'name or ID of a package or an observation, or the ID of a copy')
    .option('--reason <text>', 'why', 'its deletion was undone')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action((what: string, flags: { reason: string; json: boolean; dataDir?: string }) =>
      placeHold(what, flags.reason, flags, io),
    );
}

async function dryRun(
  catalogue: Catalogue,
  environment: NodeJS.ProcessEnv,
  { site, location }: PlanFlags,
): Promise<PlannedLine[]> {
  const locations = await catalogue.locations();
  requirePlace(locations, site, location);
  const rules = await deletionRules(settingsFor(catalogue, environment), locations);
  const uses = new Map<string, LocationUse>();
  const lines: PlannedLine[] = [];
  for (let after: string | undefined; ;) {
    const page = await catalogue.deletions.packagesWithTargets({ site, location, after, limit: PAGE });
    const plans = await catalogue.deletions.dryRun(page, rules, uses);
    lines.push(...plans.flatMap(linesOf).filter((line) => isAt(line.place, site, location)));
    after = page.at(-1);
    if (page.length < PAGE) return lines;
  }
}

/** A place that is mistyped must not look like one where nothing would go. */
function requirePlace(locations: readonly Location[], site?: string, location?: string): void {
  if (locations.some((one) => isAt(`${one.site}.${one.name}`, site, location))) return;
  const wanted = [site, location].filter((one) => one !== undefined).join('.');
  const known = [
    ...new Set(locations.map((one) => (location === undefined ? one.site : `${one.site}.${one.name}`))),
  ];
  throw new ConfigurationError(`there is no ${location === undefined ? 'site' : 'location'} ${wanted}`, {
    subject: wanted,
    advice:
      known.length === 0 ? 'the topology is empty: `cdt topology import`' : `there are: ${known.join(', ')}`,
  });
}

function linesOf({ facts, planned }: PackagePlan): PlannedLine[] {
  return planned.map((one) => ({
    package: facts.package.name,
    place: `${one.target.location.site}.${one.target.location.name}`,
    kind: one.target.kind,
    id: one.target.id,
    state: one.target.state,
    bytes: one.target.bytes,
    outcome: one.outcome,
    until: one.outcome === 'scheduled' ? one.until : undefined,
    reasons: one.outcome === 'kept' ? one.reasons : [],
  }));
}

function isAt(place: string, site: string | undefined, location: string | undefined): boolean {
  const [ofSite, name] = place.split('.');
  return (site === undefined || ofSite === site) && (location === undefined || name === location);
}

function inWords(line: PlannedLine): string {
  const what = line.kind === 'copy' ? 'its tar' : 'its files';
  return printable(`${line.place}  ${line.package}  ${what}, ${formatBytes(line.bytes)}  ${answer(line)}`);
}

function answer({ outcome, state, until = '', reasons, package: name }: PlannedLine): string {
  if (outcome === 'kept') return `kept: ${reasons.map(({ words }) => words).join('; ')}`;
  if (outcome === 'due') return 'goes in the next run, once the archives answered a challenge';
  return state === 'deletion_scheduled'
    ? `scheduled: goes after ${until}, unless \`cdt deletion undo ${name}\``
    : `may go: would be scheduled now, and go after ${until}`;
}

function total(lines: PlannedLine[]): string {
  const of = (outcome: PlannedLine['outcome']) => lines.filter((one) => one.outcome === outcome);
  const [due, scheduled, kept] = [of('due'), of('scheduled'), of('kept')];
  const bytes = [...due, ...scheduled].reduce((sum, one) => sum + one.bytes, 0);
  return [
    `${count(due.length + scheduled.length, 'copy', 'copies')} would go, ${formatBytes(bytes)}: ${due.length} in the next run, ${scheduled.length} when their time has come; ${kept.length} kept`,
    'nothing was written; by the settings of the catalogue and of this machine (`cdt settings list`)',
  ].join('\n');
}
