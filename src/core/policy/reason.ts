/** Why a copy must stay, one code for each rule. Codes are stable: scripts and alerts go by them. */
export type ReasonCode =
  | 'long_term_archive'
  | 'not_deletable'
  | 'location_off'
  | 'rules_ask_for_nothing'
  | 'not_made'
  | 'not_archived'
  | 'state'
  | 'too_few_archive_copies'
  | 'archive_copy_does_not_count'
  | 'held'
  | 'being_sent'
  | 'not_in_archive_here'
  | 'still_to_be_sent'
  | 'needed'
  | 'retention'
  | 'no_pressure'
  | 'pressure_unknown'
  | 'not_scheduled'
  | 'grace'
  | 'budget'
  | 'differs_from_archive'
  | 'kept_at_source';

/** One reason, for people and for code. Times are ISO 8601, given where they are known. */
export interface Reason {
  code: ReasonCode;
  /** A sentence without its full stop. */
  words: string;
  since?: string;
  /** When it ends by itself. */
  until?: string;
}

/** Reasons as one sentence. */
export function inWords(reasons: readonly Reason[]): string {
  return reasons.map(({ words }) => words).join('; ');
}
