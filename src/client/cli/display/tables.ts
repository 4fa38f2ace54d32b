import Table from 'cli-table3';
import { printable } from '../../../core/utilities/printable.js';
import type { PackageDocument, ProblemDocument } from '../up/document.js';
import { formatBytes } from '../../../core/utilities/format.js';
import type { Style } from './style.js';

/** Columns that a table of packages takes besides the keys: borders, state, files, size, digest. */
const OTHER_COLUMNS = 57;
/** The keys get this much at least, however narrow the terminal. */
const NARROWEST = 20;

/**
 * A table with a head and plain cells; everything in it is made printable.
 *
 * @param options.right the columns aligned to the right
 * @param options.widths the widest that a column may be; what is longer goes on in the next line of its cell
 */
export function table(
  head: string[],
  rows: string[][],
  options: { right?: number[]; widths?: Record<number, number> } = {},
): string {
  const drawn = new Table({
    head,
    colAligns: head.map((_, column) => (options.right?.includes(column) ? 'right' : 'left')),
    colWidths: head.map((_, column) => options.widths?.[column] ?? null),
    wordWrap: true,
    wrapOnWordBoundary: false,
    // Colours are the screen's business, and the library's own would ignore NO_COLOR.
    style: { head: [], border: [], compact: true },
  });
  drawn.push(...rows.map((row) => row.map(printable)));
  return drawn.toString();
}

/**
 * The packages, one a line: state, content, digest, and where the archive keeps it (the key ends with the package's name).
 *
 * @param width of the terminal; undefined where lines may be of any length
 */
export function packageTable(packages: PackageDocument[], width = Infinity): string {
  const rows = packages.map((one) => [
    one.state,
    String(one.files),
    one.bytes === null ? '' : formatBytes(one.bytes),
    one.sha256?.slice(0, 12) ?? '',
    one.archive === null ? `${one.name} (not archived)` : `${one.archive.bucket}/${one.archive.key}`,
  ]);
  const longest = Math.max(0, ...rows.map((row) => printable(row[4] ?? '').length));
  const keyWidth = Math.min(longest, Math.max(NARROWEST, width - OTHER_COLUMNS)) + 2;
  return table(['state', 'files', 'size', 'sha256', 'archive key'], rows, {
    right: [1, 2],
    widths: { 4: keyWidth },
  });
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
