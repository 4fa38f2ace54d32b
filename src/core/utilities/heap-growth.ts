import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** How far a heap may grow at least while bytes pass: twice what V8 lets lie about of young chunks before it frees them. */
const ROOM_BYTES = 64 * 1024 * 1024;

/** In percent of what is alive; 0 is V8's own way. */
let usual = 0;
/** How many let bytes pass now. */
let passing = 0;

/** How far heaps may grow beyond what was alive at the last collection before they are collected again, in percent of that. */
export function setHeapGrowth(percent: number): void {
  usual = percent;
  if (passing === 0) set(usual);
}

/**
 * While bytes pass that come in chunks which V8 allots for each read, as those of TLS: it counts them as growth of the heap until they are freed, and
 * with little room it looks through all of the heap for each 30 MB that come. For all of the process, until the last who asked has ended it.
 *
 * @returns ends it
 */
export function letBytesPass(): () => void {
  if (passing++ === 0)
    set(Math.max(usual, Math.ceil((100 * ROOM_BYTES) / getHeapStatistics().used_heap_size)));
  let isEnded = false;
  return () => {
    if (isEnded) return;
    isEnded = true;
    if (--passing === 0) set(usual);
  };
}

function set(percent: number): void {
  setFlagsFromString(`--heap-growing-percent=${percent}`);
}
