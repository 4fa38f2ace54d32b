import type { Completion } from '../../../core/policy/completion.js';
import { count, formatBytes, formatDuration } from '../../../core/utilities/format.js';
import { packageTable, problemLines } from '../display/tables.js';
import type { Screen } from '../display/screen.js';
import type { Style } from '../display/style.js';
import { passes } from '../../errors.js';
import { errorLines } from '../errors.js';
import { EXIT } from '../io.js';
import type { Outcome, UpDocument } from './document.js';
import type { Observer } from './observer.js';
import { isAborted, whenReachable } from './reaching.js';
import type { System } from './system.js';

/** Packages and problems listed at the end; the rest is counted. */
const LISTED = 50;

/**
 * The facts with which a run ends. A run that says all is done waits for a catalogue that is away for a moment, so that it can
 * name what is archived; any other tells the last that was known.
 *
 * @throws what the catalogue said last, when all is done and it stays away
 */
export async function lastFacts(
  system: System,
  observer: Observer,
  verdict: Completion | undefined,
  options: { signal: AbortSignal; report: (line: string) => void },
): Promise<Partial<Outcome>> {
  const known = {
    progress: observer.progress,
    problems: observer.problems,
    waiting: observer.waiting,
    left: verdict?.state === 'cannot' ? [...verdict.left, ...observer.retrying] : [],
  };
  const { id } = system.source;
  const ask = async (): Promise<Partial<Outcome>> => {
    const [packages, progress] = await Promise.all([
      system.catalogue.packagesOfSource(id),
      system.catalogue.sourceProgress(id),
    ]);
    return { ...known, packages, progress };
  };
  const isDone = verdict?.state === 'done' && !isAborted(options.signal);
  try {
    return await (isDone ? whenReachable('the catalogue', ask, options) : ask());
  } catch (error) {
    if (isDone || !passes(error)) throw error;
    return known;
  }
}

/** What a person reads at the end: the packages, what is wrong and what to do about it, and a line that sums up. */
export function conclusion(
  document: UpDocument,
  outcome: Outcome,
  code: number,
  screen: Pick<Screen, 'style' | 'width'>,
): string[] {
  const { style, width } = screen;
  const { packages, problems } = document;
  const lines: string[] = [];
  if (packages.length > 0) {
    lines.push(packageTable(packages.slice(-LISTED), width));
    if (packages.length > LISTED)
      lines.push(`the last ${LISTED} of ${packages.length} packages; all of them: cdt packages`);
  }
  for (const problem of outcome.failure === undefined ? problems.slice(0, LISTED) : [])
    lines.push(...problemLines(problem, style));
  if (problems.length > LISTED) lines.push(`${problems.length - LISTED} more: cdt problems`);
  if (outcome.failure !== undefined) lines.push(...errorLines(outcome.failure, style));
  else lines.push(lastLine(document, outcome, code, style));
  return lines;
}

function lastLine(document: UpDocument, outcome: Outcome, code: number, style: Style): string {
  if (outcome.packages === undefined)
    return style.warn(
      `what is archived is not known: the catalogue did not answer; this run took ${formatDuration(document.seconds)}`,
    );
  const archived = document.packages.filter((one) => one.state === 'archived');
  const files = archived.reduce((sum, one) => sum + one.files, 0);
  const bytes = archived.reduce((sum, one) => sum + (one.bytes ?? 0), 0);
  const what = `${count(files, 'file')} in ${count(archived.length, 'package')} (${formatBytes(bytes)}) archived and verified`;
  const line = `${what}; this run took ${formatDuration(document.seconds)}`;
  if (code === EXIT.ok) return style.good(line);
  return code === EXIT.interrupted
    ? style.warn(`interrupted: ${line}; the same command goes on from here`)
    : style.bad(`not all could be done: ${line}; the same command tries again`);
}
