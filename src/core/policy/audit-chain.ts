import { createHash } from 'node:crypto';
import type { JsonValue } from '../exceptions.js';
import { canonicalJson } from '../utilities/canonical-json.js';

/** An entry of the audit log, as its transaction wrote it. */
export interface AuditEntry {
  id: string;
  /** ISO 8601 with microseconds, UTC. */
  at: string;
  action: string;
  subjectType: string;
  subjectId: string;
  facts: Record<string, JsonValue>;
}

/** The place of an entry in the chain. Sequences count from 1 without a gap. */
export interface AuditSeal {
  sequence: number;
  entryId: string;
  prevHash: string;
  hash: string;
}

/** The newest end of the chain. Kept elsewhere, it shows later whether the end was cut off. */
export type AuditHead = Pick<AuditSeal, 'sequence' | 'hash'>;

/** What the first entry follows. */
export const CHAIN_START: AuditHead = { sequence: 0, hash: '0'.repeat(64) };

/** What is wrong at one place of the chain. */
export interface AuditFault {
  kind: 'changed' | 'removed' | 'gap' | 'broken_link' | 'not_sealed' | 'anchor_differs' | 'cut_off';
  sequence?: number;
  entryId?: string;
  /** One sentence. */
  words: string;
}

/** The seal of an entry that follows `head`: SHA-256 over the canonical JSON of the entry, its number and the hash before it. */
export function seal(head: AuditHead, entry: AuditEntry): AuditSeal {
  const sequence = head.sequence + 1;
  return { sequence, entryId: entry.id, prevHash: head.hash, hash: hashOf(sequence, head.hash, entry) };
}

/**
 * Checks one seal against its entry and the seal before it. Each place is judged by what is stored before it, so one bad
 * place is one fault and does not spoil the rest.
 *
 * @param entry undefined where the log has no entry of that ID any more
 */
export function checkSeal(before: AuditHead, at: AuditSeal, entry: AuditEntry | undefined): AuditFault[] {
  const { sequence, entryId } = at;
  const faults: AuditFault[] = [];
  const tell = (kind: AuditFault['kind'], words: string) => faults.push({ kind, sequence, entryId, words });
  if (sequence !== before.sequence + 1) {
    const [from, to] = [before.sequence + 1, sequence - 1];
    tell(
      'gap',
      `${from === to ? `entry ${from} is` : `entries ${from} to ${to} are`} missing before entry ${sequence}`,
    );
  } else if (at.prevHash !== before.hash) {
    tell(
      'broken_link',
      `entry ${sequence} does not follow entry ${before.sequence}: one of them was put there later`,
    );
  }
  if (entry === undefined) tell('removed', `entry ${sequence} (${entryId}) was removed`);
  else if (hashOf(sequence, at.prevHash, entry) !== at.hash)
    tell(
      'changed',
      `entry ${sequence} (${entryId}, ${entry.action}) is not what was sealed: it was changed or moved`,
    );
  return faults;
}

/** That the log has no entry of this number: it must have had one. */
export function endsBefore(sequence: number, known = ''): AuditFault {
  return { kind: 'cut_off', sequence, words: `the log ends before entry ${sequence}${known}` };
}

/** Checks an anchor that was kept elsewhere. `found` is the hash that the chain has at its place now. */
export function checkAnchor(anchor: AuditHead, found: string | undefined): AuditFault[] {
  const { sequence } = anchor;
  if (found === undefined) return [endsBefore(sequence, ', which was there once')];
  if (found === anchor.hash) return [];
  return [
    { kind: 'anchor_differs', sequence, words: `entry ${sequence} is not the one that was noted down once` },
  ];
}

function hashOf(sequence: number, prevHash: string, entry: AuditEntry): string {
  return createHash('sha256')
    .update(canonicalJson({ sequence, prevHash, entry: { ...entry } }))
    .digest('hex');
}
