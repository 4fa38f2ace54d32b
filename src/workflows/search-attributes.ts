import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { printable } from '../core/utilities/printable.js';

/** What the Temporal UI and `cdt` filter by. Registered by `client/set-up.ts`. For people only: no logic reads them. */
export const CDT_SITE = defineSearchAttributeKey('CdtSite', 'KEYWORD');
export const CDT_OPERATION = defineSearchAttributeKey('CdtOperation', 'KEYWORD');
export const CDT_STATE = defineSearchAttributeKey('CdtState', 'KEYWORD');
export const CDT_OBSERVATION = defineSearchAttributeKey('CdtObservation', 'KEYWORD_LIST');
export const CDT_PACKAGE = defineSearchAttributeKey('CdtPackage', 'KEYWORD_LIST');

export const SEARCH_ATTRIBUTES = [CDT_SITE, CDT_OPERATION, CDT_STATE, CDT_OBSERVATION, CDT_PACKAGE];

/**
 * The states that a journey shows, once it is anything else than under way or ended as the server says: most show none, for each costs an event and a
 * row of the server's list. `waiting_for_breaker`: its route or store is left alone for now.
 */
export type JourneyState =
  'running' | 'waiting_for_operator' | 'waiting_for_breaker' | 'completed' | 'skipped' | 'abandoned';

/** PostgreSQL keeps a keyword in 255 characters; names of observations come from outside. */
const KEYWORD_LENGTH = 200;

export function searchAttributes(facts: {
  site: string;
  operation: string;
  observations?: string[];
  packages?: string[];
}): SearchAttributePair[] {
  const keywords = (names: string[] = []) => [
    ...new Set(names.map((name) => printable(name).slice(0, KEYWORD_LENGTH))),
  ];
  const pairs: SearchAttributePair[] = [
    { key: CDT_SITE, value: facts.site },
    { key: CDT_OPERATION, value: facts.operation },
  ];
  if (facts.observations?.length) pairs.push({ key: CDT_OBSERVATION, value: keywords(facts.observations) });
  if (facts.packages?.length) pairs.push({ key: CDT_PACKAGE, value: keywords(facts.packages) });
  return pairs;
}
