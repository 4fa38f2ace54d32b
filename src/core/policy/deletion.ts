import type { Location } from '../database/records.js';
import type { PackageState, PhysicalCopyState } from '../states.js';
import {
  archiveEvidence,
  CLOCK_TOLERANCE_SECONDS,
  type ArchiveCopy,
  type CountedCopy,
  type EvidenceRules,
} from './archive-evidence.js';
import type { Reason } from './reason.js';
import { whyStillNeeded, type JourneyFacts } from './redundancy.js';
import type { RoutingFacts } from './routing.js';

/**
 * The first promise, as pure functions of what the catalogue tells: may this go, and if not, why not. One answer for the
 * planner, the deletion itself, the dry run and `cdt explain`.
 */

export interface DeletionRules extends EvidenceRules {
  /** What came to its location less long ago than this stays. */
  retentionSeconds: number;
  /** What was archived less long ago than this stays. */
  archivedSeconds: number;
  /** How long a scheduled deletion can be undone. */
  graceSeconds: number;
  /** Whether what may go stays while its disk has room. */
  onlyUnderPressure: boolean;
}

export type Pressure = 'low' | 'warn' | 'high' | 'critical';

/** What may be deleted as one: an object at a location, or the files of a package at their source. */
export interface DeletionTarget {
  kind: 'copy' | 'source_files';
  /** Of the copy, or of the package. */
  id: string;
  location: Location;
  state: PhysicalCopyState;
  /** What becomes free. */
  bytes: number;
  /** Since when it is at its location, ISO 8601. */
  since: string;
  /** While it is scheduled: until then it can be undone. */
  deleteAfter?: string;
}

export interface Hold {
  reason: string;
  placedBy: string;
  placedAt: string;
}

/** Something else than a journey that a package is needed for at a location, such as a staging job. */
export interface Need {
  locationId: string;
  words: string;
  since?: string;
  until?: string;
}

/** All that is known of a package for its deletion. Times are ISO 8601. */
export interface DeletionFacts {
  package: {
    id: string;
    name: string;
    observation: string;
    state: PackageState;
    archivedAt?: string;
    /** Of its tar; absent until it is made. */
    bytes?: number;
    sha256?: string;
  };
  copies: ArchiveCopy[];
  targets: DeletionTarget[];
  holds: Hold[];
  journeys: JourneyFacts;
  topology: Pick<RoutingFacts, 'locations' | 'routes'>;
  neededBy: Need[];
  /** How full the disks of locations are, by the location's ID; what was not measured is absent. */
  pressure: Readonly<Record<string, Pressure>>;
}

/**
 * When the question is asked. `plan`: may its deletion be scheduled; what a deletion does first (reading back what was read too
 * long ago, challenging every archive) is not asked for. `delete`: may its bytes go at this very moment.
 */
export type Moment = 'plan' | 'delete';

export interface Verdict {
  may: boolean;
  /** Every reason why not. */
  reasons: Reason[];
  /** The archive copies that the answer rests on. */
  counted: CountedCopy[];
}

/**
 * May it go, and why not.
 *
 * @param now by the clock of the catalogue, whose times it is compared with
 */
export function mayGo(
  target: DeletionTarget,
  facts: DeletionFacts,
  rules: DeletionRules,
  now: Date,
  moment: Moment,
): Verdict {
  const { location } = target;
  if (location.locationType === 'long_term_archive') {
    const words = `${placeOf(location)} is a long-term archive: nothing is deleted there`;
    return { may: false, reasons: [{ code: 'long_term_archive', words }], counted: [] };
  }
  const { counted, reasons: evidence } = evidenceFor(target, facts, rules, now, moment);
  const reasons = [
    ...whyNotThere(location),
    ...whyRulesAreWrong(rules),
    ...(moment === 'plan' ? whyNotPlanned(target) : whyNotNow(target, now)),
    ...facts.holds.map(({ reason, placedBy, placedAt }): Reason => ({
      code: 'held',
      words: `it is held by ${placedBy}: ${reason}`,
      since: placedAt,
    })),
    ...evidence,
    ...whyStillNeeded(target, facts.copies, facts.journeys, facts.topology),
    ...facts.neededBy
      .filter((need) => need.locationId === location.id)
      .map(({ words, since, until }): Reason => ({ code: 'needed', words, since, until })),
    ...whyTooEarly(target, facts, rules, now),
    ...whyRoom(location, facts, rules),
  ];
  return { may: reasons.length === 0, reasons, counted };
}

function evidenceFor(
  target: DeletionTarget,
  { package: of, copies }: DeletionFacts,
  rules: DeletionRules,
  now: Date,
  moment: Moment,
): { counted: CountedCopy[]; reasons: Reason[] } {
  if (of.bytes === undefined || of.sha256 === undefined)
    return { counted: [], reasons: [{ code: 'not_made', words: 'its package is not made yet' }] };
  const { counted, reasons } = archiveEvidence(
    { packageId: of.id, copyId: target.id, bytes: of.bytes, sha256: of.sha256 },
    copies,
    rules,
    now,
    moment === 'delete',
  );
  if (of.state === 'archived') return { counted, reasons };
  return {
    counted,
    reasons: [{ code: 'not_archived', words: `its package is ${of.state}, not archived` }, ...reasons],
  };
}

function whyNotThere(location: Location): Reason[] {
  const reasons: Reason[] = [];
  if (!location.deletable)
    reasons.push({ code: 'not_deletable', words: `copies at ${placeOf(location)} are not to be deleted` });
  if (!location.active) reasons.push({ code: 'location_off', words: `${placeOf(location)} is switched off` });
  return reasons;
}

/** A mistake in the rules keeps everything. */
function whyRulesAreWrong(rules: DeletionRules): Reason[] {
  const wrong = (words: string): Reason[] => [
    { code: 'rules_ask_for_nothing', words: `${words} can't justify a deletion` },
  ];
  if (!(rules.requiredCopies >= 1))
    return wrong(`a rule that asks for ${rules.requiredCopies} archive copies`);
  const times = [
    rules.maxVerificationAgeSeconds,
    rules.maxChallengeAgeSeconds,
    rules.retentionSeconds,
    rules.archivedSeconds,
    rules.graceSeconds,
  ];
  return times.every((one) => one >= 0) ? [] : wrong('a rule with a time below 0');
}

const PLANNABLE: readonly PhysicalCopyState[] = ['present', 'staged', 'deletion_possible', 'deletion_failed'];

function whyNotPlanned({ state }: DeletionTarget): Reason[] {
  if (PLANNABLE.includes(state) || state === 'deletion_scheduled' || state === 'deletion_in_progress')
    return [];
  return [{ code: 'state', words: `it is ${state}` }];
}

function whyNotNow({ state, deleteAfter }: DeletionTarget, now: Date): Reason[] {
  if (state === 'deletion_in_progress') return [];
  if (state !== 'deletion_scheduled') {
    const words =
      state === 'deleted' ? 'it is deleted already' : `its deletion is not scheduled: it is ${state}`;
    return [{ code: 'not_scheduled', words }];
  }
  if (Date.parse(deleteAfter ?? '') <= now.getTime()) return [];
  return [
    {
      code: 'grace',
      words: `its deletion can be undone until ${deleteAfter ?? 'an unknown time'}`,
      until: deleteAfter,
    },
  ];
}

/** Retention is a minimum: neither a full disk nor anything else shortens it. */
function whyTooEarly(
  target: DeletionTarget,
  facts: DeletionFacts,
  rules: DeletionRules,
  now: Date,
): Reason[] {
  const reasons: Reason[] = [];
  const until = (since: string, seconds: number): string | undefined => {
    const end = Date.parse(since) + seconds * 1000;
    // What came in the future came by a clock that is wrong: nothing is known of its age.
    const cameYet = Date.parse(since) <= now.getTime() + CLOCK_TOLERANCE_SECONDS * 1000;
    return cameYet && end <= now.getTime() ? undefined : isoTime(end);
  };
  const there = rules.retentionSeconds > 0 ? until(target.since, rules.retentionSeconds) : undefined;
  if (there !== undefined)
    reasons.push({
      code: 'retention',
      words: `whatever comes to ${placeOf(target.location)} is kept there for ${rules.retentionSeconds} s, this until ${there}`,
      since: target.since,
      until: there,
    });
  const { archivedAt } = facts.package;
  if (archivedAt === undefined || rules.archivedSeconds <= 0) return reasons;
  const after = until(archivedAt, rules.archivedSeconds);
  if (after !== undefined)
    reasons.push({
      code: 'retention',
      words: `it is kept for ${rules.archivedSeconds} s after it was archived, until ${after}`,
      since: archivedAt,
      until: after,
    });
  return reasons;
}

function whyRoom(location: Location, { pressure }: DeletionFacts, rules: DeletionRules): Reason[] {
  if (!rules.onlyUnderPressure) return [];
  const measured = pressure[location.id];
  if (measured === undefined)
    return [
      {
        code: 'pressure_unknown',
        words: `${placeOf(location)} is freed only when its disk is filling up, and how full it is was not measured`,
      },
    ];
  if (measured !== 'low') return [];
  return [
    {
      code: 'no_pressure',
      words: `${placeOf(location)} is freed only when its disk is filling up, and it has room`,
    },
  ];
}

function isoTime(milliseconds: number): string {
  const time = new Date(milliseconds);
  return Number.isNaN(time.getTime()) ? 'an unknown time' : time.toISOString();
}

function placeOf(location: Location): string {
  return `${location.site}.${location.name}`;
}
