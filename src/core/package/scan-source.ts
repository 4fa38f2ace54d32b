import { basename, resolve } from 'node:path';
import type { FoundEntry } from '../database/records.js';
import { ConfigurationError } from '../exceptions.js';
import { inOrder } from '../utilities/in-order.js';
import type { PathText } from '../utilities/path-text.js';
import { inTurn } from '../utilities/shared-blocks.js';
import type { Lease } from '../utilities/threads.js';
import { UNASSIGNED } from './instrument-module.js';
import type { RefusedEntry } from './package-result.js';
import { findSourceRoot } from './source-root.js';
import { takeSourceWalks, type Finding, type Seen, type SourceWalk } from './source-walk.js';

/** Threads that look: what it costs is that one thing after the other is looked at. */
const WALKS = 2;

export interface ScanOptions {
  signal?: AbortSignal;
  /** Seconds that a file must have been left alone to count as quiet. */
  quietSeconds: number;
  /** The present, in milliseconds since the epoch. */
  now: number;
}

export type ScanFinding = { entry: FoundEntry } | { refused: RefusedEntry & { executedObsUnit: PathText } };

/**
 * Walks a source and tells, unit by unit, all that can be packaged: regular files, symlinks (never followed) and folders without any of
 * these; and what can't, with the reason. Each first-level folder is an executed observation unit, loose files are one
 * more, named like the source's own folder. A first-level folder without a regular file below it is no observation: what it
 * holds goes with the loose files, or with the first unit where there are none, so that a bag has files to check.
 *
 * Order is stable: a folder's files by name, then its folders. Things that vanish meanwhile are passed over. Memory holds four
 * units' entries, since an entry that names no instrument module takes the one of its unit, where it has exactly one.
 *
 * Throws a {@link ConfigurationError} where the root is no folder, a {@link PermanentError} where it may not be read.
 */
export async function* scanSource(root: string, options: ScanOptions): AsyncGenerator<ScanFinding[]> {
  const { signal, quietSeconds, now } = options;
  const source = await findSourceRoot(root, ConfigurationError);
  const ownName = basename(resolve(root)) || 'source';
  const walks = await takeSourceWalks(WALKS, { root: source, quietSeconds, now });
  try {
    let host: UnitOfFiles | undefined;
    const fileless: Unit[] = [];
    for await (const unit of unitsOf(walks, ownName, signal)) {
      const module = moduleOfOthers(unit.findings);
      if (module === undefined) {
        fileless.push(unit);
        continue;
      }
      host ??= { name: unit.name, module };
      yield allOf(unit.findings, { name: unit.name, module });
    }
    for (const { name, findings } of fileless) yield allOf(findings, host ?? { name, module: UNASSIGNED });
  } finally {
    for (const { release } of walks) release();
  }
}

/** A first-level folder, or the loose files, with all that was found there. */
interface Unit {
  name: PathText;
  findings: Finding[];
}

/** The loose files and then the first-level folders, which the walks look at in turn. */
async function* unitsOf(
  walks: Lease<SourceWalk>[],
  ownName: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Unit> {
  const [first] = walks;
  if (first === undefined) return;
  const { findings, units = [] } = await unitBy(first, undefined, signal);
  yield { name: ownName, findings };
  const turns = inTurn(walks);
  const jobs = units.map((name) => ({ name, walk: turns.next().value }));
  // Not more at a time than there are walks: each is done with a unit before its next.
  yield* inOrder(jobs, walks.length, async ({ name, walk }) => {
    const told = await unitBy(walk, name, signal);
    return { name, findings: told.findings };
  });
}

/** All that a walk finds in a unit. */
async function unitBy(
  { session }: Lease<SourceWalk>,
  unit: PathText | undefined,
  signal: AbortSignal | undefined,
): Promise<{ findings: Finding[]; units?: PathText[] }> {
  const findings: Finding[] = [];
  for (let asked = session.enter(unit); ;) {
    const told = await asked;
    signal?.throwIfAborted();
    // It looks on while what it told is read.
    if (told.more) asked = session.next();
    for (const finding of JSON.parse(told.findings) as Finding[]) findings.push(finding);
    if (!told.more) return { findings, units: told.units };
  }
}

/** A unit, and the module of those of its entries that name none. */
interface UnitOfFiles {
  name: PathText;
  module: string;
}

function allOf(findings: Finding[], unit: UnitOfFiles): ScanFinding[] {
  return findings.map((finding) => withUnit(finding, unit));
}

function withUnit(finding: Finding, { name, module }: UnitOfFiles): ScanFinding {
  if ('refused' in finding) return { refused: { ...finding.refused, executedObsUnit: name } };
  const { path, kind, size, mtimeNs, ctimeNs, quiet } = finding.entry;
  const instrumentModule = finding.instrumentModule ?? module;
  // Named one by one: a copy by spreading takes several times as long.
  return {
    entry: { path, kind, size, mtimeNs, ctimeNs, quiet, executedObsUnit: name, instrumentModule },
  };
}

/** The module of a unit's entries that name none: the unit's, where it has exactly one. Undefined for a unit without files. */
function moduleOfOthers(findings: Finding[]): string | undefined {
  const files = findings.filter(
    (finding): finding is Seen => 'entry' in finding && finding.entry.kind === 'file',
  );
  const modules = new Set(files.map((file) => file.instrumentModule));
  const named = [...modules].filter((module) => module !== undefined).sort();
  if (files.length === 0) return undefined;
  // Links and folders alone make no package: where every file names one of several modules, they go with the first.
  return modules.has(undefined) && named.length > 1 ? UNASSIGNED : (named[0] ?? UNASSIGNED);
}
