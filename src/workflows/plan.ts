import type { Plan } from '../activities/catalogue.js';

/** What a planner's activity answered; a run from before 2026-11-25 got the work alone. */
export function asPlan<T>(answer: Plan<T> | T[]): Plan<T> {
  return Array.isArray(answer) ? { planned: answer, reasons: [] } : answer;
}

/** What a planner came to, for the Temporal UI: what was begun, and why other work waits. */
export function inWords(done: string, reasons: string[]): string {
  return [done, ...reasons.map((reason) => `- waits: ${reason}`)].join('\n');
}
