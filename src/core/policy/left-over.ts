import type { PackageState, PhysicalCopyState } from '../states.js';

/** What the catalogue knows of a package whose tar lies in a buffer where it should not. */
export interface LeftOverFacts {
  state: PackageState;
  /** Its copy in that buffer, where it ever had one. */
  copyHere?: PhysicalCopyState;
  /** Copies in archives that are in use, each verified by reading it back and in no doubt. */
  archiveCopies: number;
  /** A copy of it is damaged, or failed a challenge. */
  damaged: boolean;
  /** A data transfer brings it to that buffer. */
  onItsWay: boolean;
  held: boolean;
  /** Whether copies in that buffer may be deleted at all. */
  deletable: boolean;
  /** Whether packages are made at that site from its source: only then may the tar hold what nothing else does. */
  madeHere: boolean;
  /** By the result beside the tar; absent where there is none. */
  members?: { count: number; recorded: number };
}

export interface WhyKept {
  words: string;
  /** Whether it ends without a person who looks at the file. */
  passes: boolean;
}

/** Why a tar must stay in a buffer where the catalogue has no copy; undefined where it may go. */
export function whyKept(facts: LeftOverFacts): WhyKept | undefined {
  const { members } = facts;
  if (!facts.deletable) return passes('nothing is deleted in this buffer');
  if (facts.held) return passes('its package is held');
  if (facts.copyHere !== undefined && facts.copyHere !== 'deleted') return passes('it is a copy');
  if (facts.state === 'creating') return passes('its package is not recorded yet');
  if (facts.onItsWay) return passes('a transfer brings it here');
  // Somebody may have put it there for the repair.
  if (facts.damaged) return passes('a copy of its package is damaged or in doubt');
  if (members?.count === 0) return undefined;
  if (facts.archiveCopies === 0) return stays('no archive has a verified copy of its package');
  if (!facts.madeHere) return undefined;
  if (members === undefined) return stays('no result lies beside it, so that nobody knows what is in it');
  if (members.recorded < members.count)
    return stays(`${members.count - members.recorded} of its ${members.count} entries are in no other copy`);
  return undefined;
}

function passes(words: string): WhyKept {
  return { words, passes: true };
}

function stays(words: string): WhyKept {
  return { words, passes: false };
}
