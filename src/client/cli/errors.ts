import { CCATDataOperationError } from '../../core/exceptions.js';
import { toPlain } from '../../core/redaction.js';
import { printable } from '../../core/utilities/printable.js';
import type { Style } from './display/style.js';

/** An error for people: what, and what to do about it. A defect comes with its stack. */
export function errorLines(error: CCATDataOperationError, style: Style): string[] {
  const lines = [style.bad(printable(`${error.name}: ${String(toPlain(error.message))}`))];
  if (error.advice !== undefined) lines.push(printable(`  ${error.advice}`));
  const isDefect =
    error.constructor === CCATDataOperationError &&
    error.cause instanceof Error &&
    error.cause.stack !== undefined;
  if (isDefect)
    lines.push(
      ...String(toPlain((error.cause as Error).stack))
        .split('\n')
        .map(printable)
        .map(style.dim),
    );
  return lines;
}
