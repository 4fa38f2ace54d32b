import type { Client } from '@temporalio/client';
import type { Catalogue } from '../../core/database/catalogue.js';
import type { Next, Waiting } from '../../core/policy/explanation.js';
import type { Reason } from '../../core/policy/reason.js';
import type { Settings } from '../../core/settings-manager.js';
import type { WorkNow } from './work.js';

/** What `cdt explain` answers about one thing. Times are ISO 8601. */
export interface Explanation {
  /** `work` where only Temporal could be asked. */
  kind: 'package' | 'file' | 'copy' | 'staging job' | 'work';
  id: string;
  name: string;
  observation: string;
  state: string;
  /** Of a file: where its own bytes lie, at the source and in its package's copies. */
  copies: CopyExplanation[];
  waiting: Waiting;
  next?: Next;
  /** Every workflow that works on it or did, as far as Temporal still has it. */
  work: WorkNow[];
  /** What could not be asked, and why: the answer holds for the rest. */
  unknown: string[];
}

export interface CopyExplanation {
  id: string;
  /** `site.name` */
  location: string;
  locationType: string;
  state: string;
  path: string;
  bytes: number;
  sha256?: string;
  verifiedAt?: string;
  /** May it be deleted now; if not, every reason. */
  deletion: { may: boolean; reasons: Reason[] };
  /** What happens to this copy, and when. */
  waiting: Waiting;
  next?: Next;
}

/** What an explanation is made from. A part that can't be reached is told in the answer and does not spoil the rest. */
export interface Sources {
  catalogue: Catalogue;
  /** Undefined while Temporal can't be reached, with the reason. */
  temporal: { client: Client } | { unreachable: string };
  settings: Settings;
  /** Why something of a package must stay: a copy, by its ID, or its files at the source, by the package's own. Empty when it may go. */
  whyKeep(packageId: string, targetId: string): Promise<Reason[]>;
}

/** The part of an explanation that only Temporal knows. */
export interface Standing {
  waiting: Waiting;
  next?: Next;
}

/** What only Temporal knows; told as unknown where it can't be asked. */
export async function askTemporal<T extends Standing>(
  { temporal }: Pick<Sources, 'temporal'>,
  ask: (client: Client) => Promise<T>,
): Promise<(T | Standing) & { unknown: string[] }> {
  if ('client' in temporal) return { ...(await ask(temporal.client)), unknown: [] };
  return {
    waiting: { for: 'unknown', words: "what is being done now is not known: Temporal can't be asked" },
    unknown: [`what is being done, and what comes next: ${temporal.unreachable}`],
  };
}
