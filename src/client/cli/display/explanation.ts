import { printable } from '../../../core/utilities/printable.js';
import type { CopyExplanation, Explanation } from '../../explain/explanation.js';
import { formatBytes, formatDuration } from '../../../core/utilities/format.js';
import type { Style } from './style.js';

/** An explanation for people: what it is, where it is, why it waits, what comes next. */
export function explanationLines(one: Explanation, style: Style, now: Date): string[] {
  const observation = one.observation === '' ? '' : ` of ${one.observation}`;
  const lines = [printable(`${one.kind} ${one.name}${observation}: ${one.state}`)];
  const { waiting, next } = one;
  const told = waiting.for === 'operator' ? style.bad : (text: string) => text;
  lines.push(told(printable(`  now: ${waiting.words}${since(waiting.since, now)}`)));
  if (next !== undefined) lines.push(printable(`  next: ${next.words}${at(next.at, now)}`));
  if (waiting.advice !== undefined) lines.push(printable(`  to do: ${waiting.advice}`));
  for (const copy of one.copies) lines.push(...copyLines(copy, style, now));
  for (const unknown of one.unknown) lines.push(style.bad(printable(`  not known: ${unknown}`)));
  return lines;
}

function copyLines(copy: CopyExplanation, style: Style, now: Date): string[] {
  const verified =
    copy.state === 'damaged'
      ? 'it counts for nothing'
      : copy.verifiedAt === undefined
        ? 'never read back'
        : `read back ${ago(copy.verifiedAt, now)}`;
  const lines = [
    printable(
      `  copy at ${copy.location} (${copy.locationType}): ${copy.state}, ${formatBytes(copy.bytes)}, ${verified}`,
    ),
    style.dim(printable(`    ${copy.path}`)),
  ];
  if (copy.state === 'deleted') return lines;
  if (copy.state === 'damaged')
    lines.push(printable(`    now: ${copy.waiting.words}${since(copy.waiting.since, now)}`));
  if (copy.deletion.may) lines.push('    may be deleted: the archive copies that are required are verified');
  else lines.push(...copy.deletion.reasons.map((reason) => printable(`    kept: ${reason.words}`)));
  if (copy.next !== undefined) lines.push(printable(`    next: ${copy.next.words}${at(copy.next.at, now)}`));
  return lines;
}

function since(time: string | undefined, now: Date): string {
  if (time === undefined || time === '') return '';
  return `, since ${time} (${formatDuration((now.getTime() - Date.parse(time)) / 1000)})`;
}

function ago(time: string, now: Date): string {
  return `${formatDuration((now.getTime() - Date.parse(time)) / 1000)} ago (${time})`;
}

function at(time: string | undefined, now: Date): string {
  if (time === undefined) return '';
  const seconds = (Date.parse(time) - now.getTime()) / 1000;
  return seconds <= 0 ? ', now' : `, in ${formatDuration(seconds)} (${time})`;
}
