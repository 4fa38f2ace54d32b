import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { StagingState } from '../core/states.js';

/** An operator's word on work that can't go on by itself. */
export interface Decision {
  /** `retry`: do the step again. `skip`: leave it undone, end this work in peace. `abandon`: give the subject up as failed. */
  action: 'retry' | 'skip' | 'abandon';
  by: string;
  note?: string;
}

/** Why a workflow does not move, as data. */
export interface Blocker {
  step: string;
  errorClass: string;
  message: string;
  advice?: string;
  /** ISO 8601. */
  since: string;
}

export const DECISIONS = ['retry', 'skip', 'abandon'] as const;

/** Every journey takes it; refused where nothing waits. Answers with what was decided. */
export const decide = defineUpdate<string, [Decision]>('decide');

/** The memo that holds the last {@link Blocker}, for lists: they must not need a worker to answer. */
export const BLOCKER_MEMO = 'blocker';

/** What the journey waits for a person for, or null. */
export const blocker = defineQuery<Blocker | null>('blocker');

/** The memo that holds the last `LeftAlone`: what the journey waits for while its state is `waiting_for_breaker`. */
export const LEFT_ALONE_MEMO = 'left_alone';

/** Told to journeys that wait for a route or a store: it is used again. */
export const usedAgain = defineSignal<[{ kind: string; name: string }]>('usedAgain');

/** How far a staging job is. */
export interface StagingStatus {
  jobId: string;
  state: StagingState;
  /** Packages that it wants, and those that are there. */
  packages: number;
  staged: number;
  /** Where its files are, once they are ready. */
  folder?: string;
  /** ISO 8601. */
  expiresAt?: string;
}

export const stagingStatus = defineQuery<StagingStatus>('stagingStatus');

/** Ends a staging job: its files are needed no more. */
export const releaseStaging = defineUpdate<string, [{ by: string; note?: string }]>('release');

/** Keeps the files of a staging job for so long from now: `7d`. Answers until when, ISO 8601. */
export const extendStaging = defineUpdate<string, [{ keepFor: string; by: string }]>('extend');
