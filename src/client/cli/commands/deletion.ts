import type { Command } from 'commander';
import type { Catalogue } from '../../../core/database/catalogue.js';
import type { PackagePlan } from '../../../core/database/catalogue/deletion-schedule.js';
import type { LocationUse } from '../../../core/policy/deletion-budget.js';
import type { Reason } from '../../../core/policy/reason.js';
import { deletionRules } from '../../../core/deletion-rules.js';
import { printable } from '../../../core/utilities/printable.js';
import { count, formatBytes } from '../display/format.js';
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
  const rules = await deletionRules(settingsFor(catalogue, environment), await catalogue.locations());
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
  const answer =
    line.outcome === 'kept'
      ? `kept: ${line.reasons.map(({ words }) => words).join('; ')}`
      : line.outcome === 'due'
        ? 'goes in the next run, once the archives answered a challenge'
        : `may go, not before ${line.until ?? ''}`;
  return printable(`${line.place}  ${line.package}  ${what}, ${formatBytes(line.bytes)}  ${answer}`);
}

function total(lines: PlannedLine[]): string {
  const going = lines.filter(({ outcome }) => outcome !== 'kept');
  const bytes = going.reduce((sum, one) => sum + one.bytes, 0);
  return `${count(going.length, 'copy', 'copies')} would go, ${formatBytes(bytes)}; ${lines.length - going.length} kept; nothing was written`;
}
