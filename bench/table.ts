import Table from 'cli-table3';
import type { BenchDocument, CaseResult } from './harness.js';
import { median } from './harness.js';

/** A bench's outcome for people. */
export function tableOf({ cases, ratios }: BenchDocument): string {
  const table = new Table({
    head: ['case', 'contender', 'median s', 'min - max', 'MB/s', 'CPU s', 'peak MB', 'runs'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  table.push(...cases.map(row));
  const missing = cases.filter((one) => one.missing !== undefined);
  const notes = [...new Set(missing.map((one) => `missing: ${one.contender}: ${one.missing ?? ''}`))];
  const compared = Object.entries(ratios).map(([what, value]) => `  ${what}: ${value}`);
  return [table.toString(), ...notes, 'ratios:', ...compared].join('\n');
}

function row(result: CaseResult): string[] {
  const { seconds, bytesPerSecond, cpuSeconds, peakRssBytes, cutAfterSeconds, missing } = result;
  const name = [result.case, result.contender];
  if (missing !== undefined) return [...name, 'missing', '', '', '', '', '0'];
  const cut = cutAfterSeconds === undefined ? '' : 'cut at ';
  return [
    ...name,
    `${cut}${shown(median(seconds))}`,
    `${shown(Math.min(...seconds))} - ${shown(Math.max(...seconds))}`,
    figure((bytesPerSecond ?? NaN) / 1e6, 1),
    figure(cpuSeconds ?? NaN, 2),
    figure((peakRssBytes ?? NaN) / 1e6, 0),
    String(seconds.length),
  ];
}

/** Seconds; what takes milliseconds has three digits as well. */
function shown(seconds: number): string {
  return seconds < 0.1 ? seconds.toPrecision(3) : seconds.toFixed(2);
}

function figure(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '-';
}
