import { inOrder } from '../utilities/in-order.js';
import { giveBlock, inTurn, takeBlock } from '../utilities/shared-blocks.js';
import type { Lease } from '../utilities/threads.js';
import { BagContents } from './bag-contents.js';
import { BLOCKS_IN_FLIGHT, type PackageOutput } from './package-output.js';
import type { SourceEntry } from './package-result.js';
import { takePackers, type Filled, type Packer, type PackingPlan } from './packer.js';
import { shareOut } from './shares.js';
import type { ExpectedEntry } from './source-member.js';

const BLOCK_BYTES = 1024 * 1024;
/** Threads that read: what small files cost is not their bytes but their being opened one by one. */
const PACKERS = 2;
/** Blocks that they are ahead: several times those of a file of megabytes, so that the one reads on in the next file while the other ends its own. */
const FILLED_AHEAD = 12;

/** What a bag is made of. */
export interface BagPlan extends PackingPlan {
  /** Lines for `bag-info.txt`; `Payload-Oxum` is added. */
  bagInfo: Record<string, string>;
}

/**
 * Writes a bag of these entries into an output: threads read and digest the files, another one digests the tar, and the system
 * writes it, each at another block.
 *
 * @param options `onProgress` is called with the payload bytes dealt with so far; rises to the sum of the entries' sizes
 */
export async function writeBag(
  output: PackageOutput,
  plan: BagPlan,
  entries: SourceEntry[],
  options: { signal?: AbortSignal; onProgress?: (payloadBytesDone: number) => void },
): Promise<BagContents> {
  const contents = new BagContents();
  const { root, name } = plan;
  const packers = await takePackers(Math.max(1, Math.min(PACKERS, entries.length)), { root, name });
  // So many that none is filled while it is in use.
  const blocks = Array.from({ length: FILLED_AHEAD + BLOCKS_IN_FLIGHT }, () => takeBlock(BLOCK_BYTES));
  const turns = inTurn(blocks);
  try {
    let dealtWith = 0;
    let bytesDone = 0;
    const jobs = jobsOf(shareOut(plan.name, entries, BLOCK_BYTES), packers, turns);
    for await (const { block, filled } of inOrder(jobs, FILLED_AHEAD, fill)) {
      options.signal?.throwIfAborted();
      await put(output, block.subarray(0, filled.length), filled);
      for (const outcome of filled.outcomes) {
        const entry = entries[dealtWith++];
        if (entry === undefined) throw new Error('there are more outcomes than entries');
        contents.note(entry, outcome);
        bytesDone += entry.size;
      }
      options.onProgress?.(bytesDone + filled.begun);
    }
    if (dealtWith < entries.length) throw new Error('there are more entries than outcomes');
    for (const bytes of packed(contents.rest(plan.name, plan.bagInfo), turns)) await output.append(bytes);
    await output.idle();
    // After a failure they are left to the collector: a thread may still be at them.
    blocks.forEach(giveBlock);
    return contents;
  } finally {
    for (const { release } of packers) release();
  }
}

interface Job {
  share: ExpectedEntry[];
  packer: Lease<Packer>;
  block: Buffer;
}

/** The packers take turns, but for what goes on with the share before. */
function* jobsOf(
  shares: Iterable<ExpectedEntry[]>,
  packers: Lease<Packer>[],
  blocks: Generator<Buffer, never>,
): Generator<Job> {
  const turns = inTurn(packers);
  let packer = turns.next().value;
  for (const share of shares) {
    if (share.length > 0) packer = turns.next().value;
    yield { share, packer, block: blocks.next().value };
  }
}

async function fill({ share, packer, block }: Job): Promise<{ block: Buffer; filled: Filled }> {
  return { block, filled: await packer.session.fill(block, share) };
}

async function put(output: PackageOutput, bytes: Buffer, { turn }: Filled): Promise<void> {
  if (turn === 'begins') await output.mark();
  if (turn === 'undone') await output.cutBack();
  await output.append(bytes);
}

/** The bytes of all the parts, in blocks. */
function* packed(parts: Iterable<Buffer>, blocks: Generator<Buffer, never>): Generator<Buffer> {
  let block = blocks.next().value;
  let at = 0;
  for (const part of parts) {
    for (let from = 0; from < part.length;) {
      const copied = part.copy(block, at, from);
      at += copied;
      from += copied;
      if (at < block.length) continue;
      yield block;
      block = blocks.next().value;
      at = 0;
    }
  }
  yield block.subarray(0, at);
}
