import type { Problem, SourceProgress } from '../database/records.js';
import { PACKAGE_STATES, type PackageState } from '../states.js';

/** What one look at a source found. */
export interface ScanFacts {
  entries: number;
  /** Entries that were written too recently to be packaged. */
  unquiet: number;
  refused: number;
}

/** A workflow that waits for an operator's word. */
export interface WaitingFacts {
  workflowId: string;
  operation: string;
  packageNames: string[];
  reason?: string;
}

/** All that is known of the work on one source at one moment. Times are milliseconds of one clock. */
export interface Situation {
  now: number;
  /** The last look at the source that succeeded; undefined until there was one. */
  scan?: ScanFacts;
  /** Why the last look failed, when it did. */
  scanFailure?: string;
  /** Since when every look at the source found files that could not be packaged yet. */
  unsettledSince?: number;
  /** Undefined until the catalogue answered once. */
  progress?: SourceProgress;
  waiting: WaitingFacts[];
  /** Names of the packages that are neither archived nor given up; needed only while something waits. */
  unfinishedPackages: string[];
  /** Journeys under way that wait for nobody. */
  running: number;
  problems: Problem[];
  /** When a state, a byte or a journey last moved. */
  lastMovedAt: number;
  /** Servers that don't answer now, with the words for it. */
  unreachable: string[];
  /** Why planners leave work undone that goes on by itself later: no room on a disk, a route that is closed for now. */
  plannersWait: string[];
}

export interface CompletionLimits {
  /** Nothing at all moved for this long: the work is given up. */
  giveUpAfterSeconds: number;
  /** Files that are written for longer than this no longer hold up the end. */
  settleSeconds: number;
  /** Nothing moved and nothing runs for this long although work is left: what is left waits, or was skipped. */
  idleSeconds: number;
}

export interface Completion {
  /** `done`: all archived, verified, and freed where it may be. `cannot`: what is left needs a person. */
  state: 'working' | 'done' | 'cannot';
  /** What is still to do, and which server it waits for: one line each. */
  left: string[];
  /** What a person should look at: one line each. */
  wrong: string[];
}

/** Decides whether the work on a source is over, and how. */
export function completion(situation: Situation, limits: CompletionLimits): Completion {
  const work = workLeft(situation);
  const left = [...work.map(({ words }) => words), ...situation.plannersWait, ...situation.unreachable];
  const wrong = complaints(situation);
  if (work.length > 0 && canGoOn(situation, work, limits)) return { state: 'working', left, wrong };
  return work.length === 0 && wrong.length === 0
    ? { state: 'done', left: [], wrong: [] }
    : { state: 'cannot', left: work.length === 0 ? [] : left, wrong };
}

/** Whether the source should be looked at again before the work can be called over. */
export function needsScan(situation: Pick<Situation, 'scan' | 'progress'>): boolean {
  if (situation.scan === undefined || situation.scan.unquiet > 0) return true;
  // Registered files that belong to no package in the making were put back, because they changed while being read.
  const { progress } = situation;
  return progress !== undefined && progress.files.registered > 0 && progress.packages.creating.packages === 0;
}

type Work = { kind: 'scan' | 'settling' | 'packages' | 'copies'; words: string };

const UNFINISHED: Partial<Record<PackageState, string>> = {
  creating: 'being made',
  waiting: 'waiting to be sent',
  transferring: 'on the way',
  arrived: 'waiting to be archived',
};

function workLeft({ scan, scanFailure, progress }: Situation): Work[] {
  if (progress === undefined) return [{ kind: 'scan', words: 'the catalogue has not answered yet' }];
  const work: Work[] = [];
  if (scan === undefined) {
    const why = scanFailure === undefined ? '' : `: ${scanFailure}`;
    work.push({ kind: 'scan', words: `the source has not been looked through${why}` });
  }
  const unsettled = Math.max(
    scan?.unquiet ?? 0,
    progress.packages.creating.packages === 0 ? progress.files.registered : 0,
  );
  if (unsettled > 0)
    work.push({
      kind: 'settling',
      words: `${unsettled} files of the source are not packaged: still being written, or seen just now`,
    });
  for (const state of PACKAGE_STATES) {
    const count = progress.packages[state].packages;
    const words = UNFINISHED[state];
    if (words !== undefined && count > 0)
      work.push({ kind: 'packages', words: `${plural(count, 'package')} ${words}` });
  }
  if (progress.copiesToDelete > 0) {
    work.push({
      kind: 'copies',
      words: `${plural(progress.copiesToDelete, 'archived copy', 'archived copies')} to be freed`,
    });
  }
  return work;
}

/** What remains wrong when no work is left. */
function complaints({ progress, problems, waiting }: Situation): string[] {
  const reasons = waiting.map(
    (one) => `${one.workflowId} waits for an operator${one.reason === undefined ? '' : `: ${one.reason}`}`,
  );
  if (progress !== undefined) {
    if (progress.files.refused > 0)
      reasons.push(`${plural(progress.files.refused, 'entry', 'entries')} of the source can't be packaged`);
    if (progress.packages.failed.packages > 0)
      reasons.push(`${plural(progress.packages.failed.packages, 'package')} given up`);
  }
  const told = new Set(waiting.map((one) => one.workflowId));
  for (const problem of problems) {
    if (problem.workflowId === undefined || !told.has(problem.workflowId))
      reasons.push(`${problem.subject}: ${problem.message}`);
  }
  return reasons;
}

function canGoOn(situation: Situation, left: Work[], limits: CompletionLimits): boolean {
  const { now, lastMovedAt, unsettledSince } = situation;
  const idleSeconds = (now - lastMovedAt) / 1000;
  if (idleSeconds >= limits.giveUpAfterSeconds) return false;
  if (situation.plannersWait.length > 0) return true;
  const settles = unsettledSince === undefined || now - unsettledSince < limits.settleSeconds * 1000;
  if (left.every((work) => work.kind === 'settling')) return settles;
  // Without an answer from every server, "nothing runs" is not known.
  if (situation.unreachable.length > 0) return true;
  if (everyPackageWaits(situation, left)) return false;
  const settling = settles && left.some((work) => work.kind === 'settling');
  return situation.running > 0 || settling || idleSeconds < limits.idleSeconds;
}

/** A package that waits for an operator goes nowhere, whatever else runs. */
function everyPackageWaits({ waiting, unfinishedPackages, progress }: Situation, left: Work[]): boolean {
  if (waiting.length === 0 || progress === undefined || left.some((work) => work.kind !== 'packages'))
    return false;
  const names = new Set(waiting.flatMap((one) => one.packageNames));
  const waitingPackages = unfinishedPackages.filter((name) => names.has(name)).length;
  // Counted against the catalogue's own number: names that were not asked for yet are no proof.
  return (
    waitingPackages >=
    PACKAGE_STATES.reduce(
      (sum, state) => sum + (state in UNFINISHED ? progress.packages[state].packages : 0),
      0,
    )
  );
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
