import { setFlagsFromString } from 'node:v8';
import { setHeapGrowth } from '../core/utilities/heap-growth.js';

/** How far a heap may grow beyond what was alive at its last collection, in percent of that, before it is collected again. */
const GROWTH_PERCENT = 50;

/** The most that each of the two halves of a thread's young generation takes, in MB. */
const YOUNG_MB = 8;

/**
 * Keeps what this process holds of memory near what is alive in it, which is the same whatever the backlog. V8 by itself lets a heap that fills slowly
 * grow to four times what is alive in it, and a young generation to 32 MB. To be called before threads are begun; the young
 * generation of the thread that calls stays as it is.
 */
export function boundHeapGrowth(): void {
  setHeapGrowth(GROWTH_PERCENT);
  setFlagsFromString(`--max-semi-space-size=${YOUNG_MB}`);
}
