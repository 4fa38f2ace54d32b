import { inOrder } from '../utilities/in-order.js';
import { blocksInTurn } from '../utilities/shared-blocks.js';
import { takeBagStream, type BagPlan, type EntryOutcome, type Filled } from './bag-stream.js';
import { BLOCKS_IN_FLIGHT, type PackageOutput } from './package-output.js';
import type { PackageMember, RefusedEntry, SourceEntry } from './package-result.js';

const BLOCK_BYTES = 1024 * 1024;
const FILLED_AHEAD = 2;
/** Entries that go to the thread at a time. */
const BATCH = 2000;

/** What is in a bag that was written, and what is not. */
export interface WrittenBag {
  members: PackageMember[];
  refused: RefusedEntry[];
  /** Regular files in it and their bytes. */
  fileCount: number;
  payloadBytes: number;
}

/**
 * Writes a bag of these entries into an output: one thread reads and digests the files, another one digests the tar, and the system
 * writes it, each at another block.
 *
 * @param options `onProgress` is called with the payload bytes dealt with so far; rises to the sum of the entries' sizes
 */
export async function writeBag(
  output: PackageOutput,
  plan: BagPlan,
  entries: SourceEntry[],
  options: { signal?: AbortSignal; onProgress?: (payloadBytesDone: number) => void },
): Promise<WrittenBag> {
  const bag: WrittenBag = { members: [], refused: [], fileCount: 0, payloadBytes: 0 };
  const lease = await takeBagStream(plan);
  try {
    const { session } = lease;
    for (let at = 0; at < entries.length; at += BATCH) await session.add(entries.slice(at, at + BATCH));
    let dealtWith = 0;
    const fill = async (block: Buffer) => ({ block, filled: await session.fill(block) });
    const blocks = blocksInTurn(FILLED_AHEAD + BLOCKS_IN_FLIGHT, BLOCK_BYTES);
    for await (const { block, filled } of inOrder(blocks, FILLED_AHEAD, fill)) {
      options.signal?.throwIfAborted();
      if (filled.length === 0) break;
      if (filled.from < output.position) await output.cutBack(filled.from);
      await output.append(block.subarray(0, filled.length), filled.mark);
      for (const outcome of filled.outcomes) note(bag, entries[dealtWith++], outcome);
      count(bag, filled);
      options.onProgress?.(filled.payloadDone);
    }
    return bag;
  } finally {
    lease.release();
  }
}

function note(bag: WrittenBag, entry: SourceEntry | undefined, outcome: EntryOutcome): void {
  if (entry === undefined) throw new Error('there are more outcomes than entries');
  if ('refused' in outcome)
    bag.refused.push({ path: entry.path, kind: outcome.refused, reason: outcome.reason });
  else bag.members.push({ ...entry, ...outcome });
}

function count(bag: WrittenBag, { files, payloadBytes }: Filled): void {
  bag.fileCount = files;
  bag.payloadBytes = payloadBytes;
}
