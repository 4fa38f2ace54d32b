import { PACKAGE_STATES, type PackageState } from '../../../core/states.js';
import { printable } from '../../../core/utilities/printable.js';
import { count, formatBytes, formatClock, formatDuration, shorten } from '../../../core/utilities/format.js';
import type { Stage } from './stages.js';
import type { Style } from './style.js';

/** All that the live display shows. */
export interface View {
  elapsedSeconds: number;
  source: string;
  archive: string;
  temporalUi?: string;
  stages: Stage[];
  packages: Partial<Record<PackageState, number>>;
  /** Archived copies that are still to be freed. */
  copiesToDelete: number;
  deletedFiles: number;
  waiting: { workflowId: string; reason?: string }[];
  problems: { subject: string; message: string }[];
  /** Servers that don't answer and steps that are tried again, in words. */
  trouble: string[];
}

/** Lines for waiting work and for problems, each; the rest is counted. */
const SHOWN = 3;

/** The block that a terminal shows while work goes on. Every name in it is made printable and fits the width. */
export function frame(view: View, width: number, style: Style): string[] {
  const fit = (line: string) => shorten(printable(line), width);
  const lines = [
    '',
    style.bold(fit(`${view.source} -> ${view.archive}   ${formatClock(view.elapsedSeconds)}`)),
    style.dim(fit(stageLine('', 'files', 'bytes', 'rate', 'time left'))),
    ...view.stages.map((one) => {
      const line = fit(describeStage(one));
      return one.files.total > 0 && one.files.done === one.files.total ? style.good(line) : line;
    }),
    fit(deletionLine(view)),
    fit(`  packages      ${packageCounts(view.packages)}`),
  ];
  for (const words of view.trouble.slice(0, SHOWN)) lines.push(style.warn(fit(`  ! ${words}`)));
  for (const one of view.waiting.slice(0, SHOWN)) {
    lines.push(
      style.bad(
        fit(
          `  ! waits for an operator: ${one.workflowId}${one.reason === undefined ? '' : ` (${one.reason})`}`,
        ),
      ),
    );
  }
  if (view.waiting.length > 0) {
    lines.push(
      fit(
        `    ${count(view.waiting.length, 'workflow')} to decide: cdt waiting, then cdt retry, skip or abandon`,
      ),
    );
  }
  for (const one of view.problems.slice(0, SHOWN))
    lines.push(style.warn(fit(`  ! ${one.subject}: ${one.message}`)));
  if (view.problems.length > SHOWN)
    lines.push(style.warn(fit(`    ${count(view.problems.length - SHOWN, 'more problem')}: cdt problems`)));
  if (view.temporalUi !== undefined) lines.push(style.dim(fit(`  Temporal UI   ${view.temporalUi}`)));
  return lines;
}

/** The same in one line, for logs and pipes. */
export function summaryLine(view: View): string {
  const [packaging] = view.stages;
  const archiving = view.stages.at(-1);
  const parts = [formatClock(view.elapsedSeconds)];
  if (packaging !== undefined && archiving !== undefined) {
    parts.push(
      `packaged ${of(packaging)}`,
      `archived ${of(archiving)}`,
      `packages: ${packageCounts(view.packages)}`,
    );
  }
  if (view.copiesToDelete > 0) parts.push(`${count(view.copiesToDelete, 'copy', 'copies')} to free`);
  if (view.waiting.length > 0) parts.push(`${view.waiting.length} waiting for an operator`);
  if (view.problems.length > 0) parts.push(count(view.problems.length, 'problem'));
  parts.push(...view.trouble);
  return printable(parts.join(' | '));
}

function describeStage(stage: Stage): string {
  return stageLine(
    stage.name,
    `${stage.files.done} of ${stage.files.total}`,
    `${formatBytes(stage.bytes.done)} of ${formatBytes(stage.bytes.total)}`,
    stage.rate > 0 ? `${formatBytes(stage.rate)}/s` : '',
    stage.secondsLeft === undefined ? '' : formatDuration(stage.secondsLeft),
  );
}

function stageLine(name: string, files: string, bytes: string, rate: string, left: string): string {
  return `  ${name.padEnd(13)} ${files.padEnd(17)} ${bytes.padEnd(20)} ${rate.padEnd(11)} ${left}`.trimEnd();
}

function deletionLine(view: View): string {
  const freed = view.deletedFiles > 0 ? `${count(view.deletedFiles, 'file')} freed at the source` : '';
  const left =
    view.copiesToDelete > 0
      ? `${count(view.copiesToDelete, 'archived copy', 'archived copies')} to free`
      : '';
  return `  ${'deletion'.padEnd(13)} ${[freed, left].filter((part) => part !== '').join(', ') || 'nothing to free'}`;
}

function packageCounts(packages: View['packages']): string {
  const parts = PACKAGE_STATES.filter((state) => (packages[state] ?? 0) > 0).map(
    (state) => `${packages[state] ?? 0} ${state}`,
  );
  return parts.length === 0 ? 'none yet' : parts.join(', ');
}

function of(stage: Stage): string {
  return `${stage.files.done}/${stage.files.total} files (${formatBytes(stage.bytes.done)})`;
}
