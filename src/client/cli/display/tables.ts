import Table from 'cli-table3';
import { printable } from '../../../core/utilities/printable.js';
import type { PackageDocument, ProblemDocument } from '../up/document.js';
import { formatBytes, shorten } from './format.js';
import type { Style } from './style.js';

/** A table with a head and plain cells; everything in it is made printable. */
export function table(head: string[], rows: string[][], rightAligned: number[] = []): string {
  const drawn = new Table({
    head,
    colAligns: head.map((_, column) => (rightAligned.includes(column) ? 'right' : 'left')),
    // Colours are the screen's business, and the library's own would ignore NO_COLOR.
    style: { head: [], border: [], compact: true },
  });
  drawn.push(...rows.map((row) => row.map(printable)));
  return drawn.toString();
}

/** The packages, one a line: state, content, digest, and where the archive keeps it. */
export function packageTable(packages: PackageDocument[]): string {
  const rows = packages.map((one) => [
    shorten(one.name, 48),
    one.state,
    String(one.files),
    one.bytes === null ? '' : formatBytes(one.bytes),
    one.sha256?.slice(0, 12) ?? '',
    one.archive === null ? '' : shorten(`${one.archive.bucket}/${one.archive.key}`, 72),
  ]);
  return table(['package', 'state', 'files', 'size', 'sha256', 'archive'], rows, [2, 3]);
}

/** One problem as lines: what, why, what to do. */
export function problemLines(problem: ProblemDocument, style: Style): string[] {
  const where =
    problem.workflowId === undefined ? problem.operation : `${problem.operation}, ${problem.workflowId}`;
  const lines = [
    style.bad(printable(`${problem.class}: ${problem.subject}: ${problem.message}`)),
    style.dim(printable(`  in ${where}`)),
  ];
  if (problem.advice !== null) lines.push(printable(`  ${problem.advice}`));
  return lines;
}
