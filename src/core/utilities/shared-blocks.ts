import { DirectFile } from './direct-file.js';
import { InFlight } from './in-flight.js';
import { inOrder } from './in-order.js';
import { sharedBlock } from './shared-memory.js';

/** Of what goes through whole files, in bytes. */
export const BLOCK_BYTES = 1024 * 1024;
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

export interface ThroughOptions {
  signal?: AbortSignal;
  /** Called with the bytes used so far; rises. */
  onProgress?: (bytesDone: number) => void;
}

/** What is done with each block, called in their order and not waited for at once; the block is its own until it has ended. */
export type UseBlock = (block: Buffer, position: number) => Promise<unknown>;

/**
 * Reads a file once from its begin to its end, from the disk; the next blocks are read while the last ones are used.
 *
 * @param options `flags` of its opening
 * @returns the bytes of the file
 * @throws the errors of the system, and of `use`
 */
export async function throughFile(
  path: string,
  { flags, ...options }: ThroughOptions & { flags?: number },
  use: UseBlock,
): Promise<number> {
  const file = await DirectFile.open(path, flags);
  try {
    return await throughBlocks(
      (block, position) => file.read(block, position),
      { ...options, ahead: FILLED_AHEAD },
      use,
    );
  } finally {
    await file.close();
  }
}

/**
 * As {@link throughFile} for whatever fills blocks.
 *
 * @param fill fills a block from a place on; answers with how many bytes it has, fewer only at the end
 * @param options `ahead`: blocks that are filled at a time
 */
export async function throughBlocks(
  fill: (block: Buffer, position: number) => Promise<number>,
  { ahead, signal, onProgress }: ThroughOptions & { ahead: number },
  use: UseBlock,
): Promise<number> {
  const flight = new InFlight(IN_USE);
  const blocks = Array.from({ length: ahead + IN_USE }, () => takeBlock(BLOCK_BYTES));
  try {
    let asked = 0;
    let done = 0;
    let told = 0;
    const next = async (block: Buffer) => {
      const position = asked;
      asked += block.length;
      return block.subarray(0, await fill(block, position));
    };
    for await (const bytes of inOrder(inTurn(blocks), ahead, next)) {
      signal?.throwIfAborted();
      if (bytes.length === 0) break;
      const position = done;
      done += bytes.length;
      const tell = () => onProgress?.((told = Math.max(told, position + bytes.length)));
      await flight.add(use(bytes, position).then(tell));
      if (bytes.length < BLOCK_BYTES) break;
    }
    await flight.drain();
    return done;
  } finally {
    await flight.settle();
    blocks.forEach(giveBlock);
  }
}
