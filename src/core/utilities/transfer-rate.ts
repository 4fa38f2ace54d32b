/** Bytes per second; 0 where no time passed, since then nothing was measured. */
export function calculateTransferRate(bytes: number, seconds: number): number {
  return seconds > 0 && bytes > 0 ? bytes / seconds : 0;
}
