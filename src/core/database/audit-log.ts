import {
  checkAnchor,
  checkSeal,
  endsBefore,
  type AuditFault,
  type AuditHead,
} from '../policy/audit-chain.js';
import * as log from './catalogue/audit-log.js';
import type { Transactions } from './transactions.js';

/** What checking the chain found. */
export interface AuditVerdict {
  /** Entries that were checked. */
  checked: number;
  /** Written, but not linked into the chain yet. */
  unsealed: number;
  /** The end of the chain, for whoever keeps anchors. */
  head?: AuditHead;
  /** The last place that was checked, where any was: a later check may begin behind it. */
  last?: AuditHead;
  /** Where the chain is wrong, in its order; at most {@link MOST_FAULTS}. */
  faults: AuditFault[];
}

const PAGE = 1000;
export const MOST_FAULTS = 100;
const MOST_ENTRIES = 10_000;

/**
 * The audit log: entries that transactions write, and the chain of hashes that shows whether one was changed, removed or moved.
 * Throws as {@link Catalogue} does.
 */
export class AuditLog {
  constructor(private readonly transactions: Transactions) {}

  /** Links every entry that was committed before this call into the chain; returns its new end. */
  async seal(): Promise<AuditHead | undefined> {
    for (;;) {
      const { end, more } = await this.transactions.write((manager) => log.sealSome(manager));
      if (!more) return end;
    }
  }

  head(): Promise<AuditHead | undefined> {
    return this.transactions.read((manager) => log.head(manager));
  }

  /**
   * Recomputes the chain from what is stored.
   *
   * @param options.from first place to check, 1 unless told otherwise; `to`: the last one
   * @param options.anchors ends of the chain that were noted down elsewhere
   * @param options.since the last place of an earlier check: only what follows is read, and `from` is of no use
   */
  async verify(
    options: { from?: number; to?: number; anchors?: AuditHead[]; since?: AuditHead } = {},
  ): Promise<AuditVerdict> {
    const { to = Infinity, since, anchors = [] } = options;
    const faults: AuditFault[] = [];
    let checked = 0;
    let before =
      since ?? (await this.transactions.read((manager) => log.headBefore(manager, options.from ?? 1)));
    for (;;) {
      const page = await this.transactions.read((manager) => log.sealsAfter(manager, before.sequence, PAGE));
      const wanted = page.filter(({ seal }) => seal.sequence <= to);
      for (const { seal, entry } of wanted) {
        faults.push(...checkSeal(before, seal, entry));
        before = seal;
        checked += 1;
      }
      if (wanted.length < PAGE || faults.length >= MOST_FAULTS) break;
    }
    // Nothing was found wrong with what is not there.
    const asked = options.to ?? options.from ?? 0;
    if (before.sequence < asked) faults.push(endsBefore(asked));
    const begin = since && (await this.sealAt(since.sequence));
    if (since !== undefined) faults.push(...checkAnchor(since, begin?.hash));
    for (const anchor of anchors)
      faults.push(...checkAnchor(anchor, (await this.sealAt(anchor.sequence))?.hash));
    const outside = await this.transactions.read((manager) =>
      log.entriesOutside(manager, MOST_FAULTS, begin?.entryId),
    );
    for (const { id, action } of outside)
      faults.push({
        kind: 'not_sealed',
        entryId: id,
        words: `entry ${id} (${action}) is outside of the chain: it was put there by hand`,
      });
    const unsealed = await this.transactions.read((manager) => log.countUnsealed(manager));
    const { sequence, hash } = before;
    return {
      checked,
      unsealed,
      head: await this.head(),
      ...(sequence > 0 && { last: { sequence, hash } }),
      faults: faults.slice(0, MOST_FAULTS),
    };
  }

  /** Entries about what a word names (a package's name, the ID of anything), oldest first; at most 10000. */
  about(word: string): Promise<log.NumberedEntry[]> {
    return this.transactions.read(async (manager) =>
      log.entriesAbout(manager, await log.subjectsNamed(manager, word), MOST_ENTRIES),
    );
  }

  private sealAt(sequence: number): ReturnType<typeof log.sealAt> {
    return this.transactions.read((manager) => log.sealAt(manager, sequence));
  }
}
