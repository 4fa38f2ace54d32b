import { DirectFile } from './direct-file.js';
import { InFlight } from './in-flight.js';
import { inOrder } from './in-order.js';
import { sharedBlock } from './shared-memory.js';

const BLOCK_BYTES = 1024 * 1024;
const FILLED_AHEAD = 2;
const IN_USE = 3;

/** Blocks that were given back and are kept for whoever asks next: at most so many bytes. */
const KEPT_BYTES = 192 * 1024 * 1024;
const idle = new Map<number, Buffer[]>();
let kept = 0;

/** A block of memory that threads share. What is in it is anybody's. */
export function takeBlock(bytes: number): Buffer {
  const block = idle.get(bytes)?.pop();
  if (block === undefined) return sharedBlock(bytes);
  kept -= bytes;
  return block;
}

/**
 * Gives a block back, which nobody may use any more: blocks that were only left to the collector lie about by the hundred megabytes
 * until it comes round.
 */
export function giveBlock(block: Buffer): void {
  if (kept + block.length > KEPT_BYTES) return;
  kept += block.length;
  const blocks = idle.get(block.length);
  if (blocks === undefined) idle.set(block.length, [block]);
  else blocks.push(block);
}

/** One after the other, over and over. */
export function* inTurn<Item>(items: Item[]): Generator<Item, never> {
  while (true) yield* items;
}

/**
 * Reads a file once from its begin to its end, from the disk; the next blocks are read while the last ones are used.
 *
 * @param use what is done with each block, called in their order and not waited for at once; the block is its own until it has ended
 * @returns the bytes of the file
 * @throws the errors of the system, and of `use`
 */
export async function throughFile(
  path: string,
  options: { signal?: AbortSignal; onProgress?: (bytesDone: number) => void },
  use: (block: Buffer) => Promise<unknown>,
): Promise<number> {
  const file = await DirectFile.open(path);
  const flight = new InFlight(IN_USE);
  const blocks = Array.from({ length: FILLED_AHEAD + IN_USE }, () => takeBlock(BLOCK_BYTES));
  try {
    let asked = 0;
    let done = 0;
    const fill = async (block: Buffer) => {
      const position = asked;
      asked += block.length;
      return block.subarray(0, await file.read(block, position));
    };
    for await (const bytes of inOrder(inTurn(blocks), FILLED_AHEAD, fill)) {
      options.signal?.throwIfAborted();
      if (bytes.length === 0) break;
      done += bytes.length;
      const told = done;
      await flight.add(use(bytes).then(() => options.onProgress?.(told)));
      if (bytes.length < BLOCK_BYTES) break;
    }
    await flight.drain();
    return done;
  } finally {
    await flight.settle();
    blocks.forEach(giveBlock);
    await file.close();
  }
}
