import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  patched,
  proxyActivities,
  sleep,
  type ActivityOptions,
} from '@temporalio/workflow';
import type { AuditActivities } from '../activities/audit.js';
import type { AuditRecordActivities } from '../activities/audit-records.js';
import type { RepairDetourActivities } from '../activities/repair-detour.js';
import { describeFailure, Journey } from './journey.js';
import type { ArchiveRepairInput, Place } from './journeys.js';
import { leftAloneBy } from './left-alone.js';
import { CATALOGUE, workAt } from './operations.js';

const records = proxyActivities<AuditRecordActivities>(CATALOGUE);

/** Attempts that a source gets while there are others to turn to. */
const TRIES_OF_SEVERAL = 5;
/** Rounds over all sources, about an hour apart at the end: a day. */
const MOST_ROUNDS = 30;

/**
 * Puts a damaged archive copy anew from the best copy there is; from the next one where that is damaged or out of reach. Where none that
 * is reached from there is good: from a file that somebody put into a buffer there, else by way of the buffers from another archive.
 */
export async function archiveRepair(input: ArchiveRepairInput): Promise<void> {
  const { name, archive } = input;
  const journey = new Journey({ operation: 'audit', subject: name });
  const act = patched('repair-from-elsewhere-2026-11')
    ? ({ asked }: { asked: boolean }) => repairFromAnywhere(input, journey, asked)
    : () => repairFromReach(input);
  const repaired = await journey.step(`repairing the copy in ${archive.site}.${archive.location}`, act);
  if (!repaired.done) return journey.end(repaired.decision);
  journey.complete(repaired.result);
}

const SOUND = 'it is sound again';

/** What became of the sources that were tried. */
interface Tried {
  /** By what was tried, why it could not be used. */
  why: Map<string, string>;
  /** Whether one of them may be there later. */
  passing: boolean;
  /** Whether an operator has just said to try again. */
  asked: boolean;
}

/** What was done, in words; throws where no good copy is found anywhere. What can't be reached for now is tried again for a day. */
async function repairFromAnywhere(
  input: ArchiveRepairInput,
  journey: Journey,
  asked: boolean,
): Promise<string> {
  for (let round = 0; ; round++) {
    const tried: Tried = { why: new Map(), passing: false, asked: asked && round === 0 };
    const { done, supplyTo = [] } = await lookEverywhere(input, journey, tried);
    if (done !== undefined) return done;
    if (!tried.passing || round === MOST_ROUNDS) throw noGoodCopy(input.name, tried.why, supplyTo);
    journey.tell(`no copy to repair it from can be reached now: ${inWords(tried.why).join('; ')}`);
    await sleep(Math.min(2 ** round, 60) * 60_000);
  }
}

async function lookEverywhere(
  input: ArchiveRepairInput,
  journey: Journey,
  tried: Tried,
): Promise<{ done?: string; supplyTo?: string[] }> {
  const { copyId, archive } = input;
  const { findSupplied } = proxyActivities<RepairDetourActivities>(workAt('audit', archive));
  let done = await fromReach(input, tried);
  if (done !== undefined) return { done };

  const supplied = await findSupplied({ copyId });
  for (const told of supplied.told) tried.why.set(told, '');
  if (supplied.found !== undefined) {
    await records.recordInBuffer({ found: supplied.found, from: 'a file that was supplied' });
    done = await fromReach(input, tried);
    if (done !== undefined) return { done };
  }

  const fallbacks = await records.repairElsewhere({ copyId });
  if (fallbacks === undefined) return { done: SOUND };
  const { inBuffers, detours, supplyTo } = fallbacks;
  for (const from of inBuffers.slice(0, 1)) done = await onItsWay(input, journey, from, tried);
  for (const { copyId: sourceCopyId, archive: from, buffer } of detours) {
    if (done !== undefined) break;
    const source = { copyId: sourceCopyId, place: `${from.site}.${from.location}` };
    const way = `${buffer.site}.${buffer.location}`;
    try {
      journey.tell(`bringing a good copy from ${source.place} back into ${way}`);
      const { bringBack } = proxyActivities<RepairDetourActivities>({
        ...oneOfSeveral(from),
        scheduleToCloseTimeout: '1 day',
      });
      const found = await bringBack({ sourceCopyId, bufferId: buffer.id });
      await records.recordInBuffer({ found, from: source.place, buffer });
    } catch (error) {
      await noteFailure(tried, source, error, 'ChecksumVerificationError');
      continue;
    }
    done = await onItsWay(input, journey, way, tried);
  }
  return { done, supplyTo };
}

/** What lies in a buffer elsewhere is sent by its planner; then the repair is made from the buffer here. */
async function onItsWay(
  input: ArchiveRepairInput,
  journey: Journey,
  from: string,
  tried: Tried,
): Promise<string | undefined> {
  journey.tell(`a good copy is on its way from ${from}`);
  await records.awaitInBuffer({ copyId: input.copyId, from });
  return fromReach(input, tried);
}

/** From the copies that are reached from the archive's own site, best first; undefined where none is good. */
async function fromReach(input: ArchiveRepairInput, tried: Tried): Promise<string | undefined> {
  const { copyId, name, archive } = input;
  const sources = await records.repairSources({ copyId });
  if (sources === undefined) return SOUND;
  const { repairCopy } = proxyActivities<AuditActivities>(oneOfSeveral(archive));
  for (const source of sources) {
    try {
      const stored = await repairCopy({ copyId, sourceCopyId: source.copyId, asked: tried.asked });
      await records.recordRepaired({ copyId, name, archive, source, stored });
      return repairedFrom(source.place, stored.key);
    } catch (error) {
      await noteFailure(tried, source, error, 'DataCorruptionError');
    }
  }
  return undefined;
}

/** How work is called while there are other sources to turn to. */
function oneOfSeveral(archive: Place): ActivityOptions {
  const how = workAt('audit', archive);
  return { ...how, retry: { ...how.retry, maximumAttempts: TRIES_OF_SEVERAL } };
}

/** Why a source could not be used; one that is damaged itself, which an error of the class `damage` tells, is audited next. */
async function noteFailure(
  tried: Tried,
  source: { copyId: string; place: string },
  error: unknown,
  damage: string,
): Promise<void> {
  if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
  const { errorClass, message } = describeFailure('', error);
  tried.why.set(source.place, `${errorClass}: ${message}`);
  if (errorClass === damage) await records.recordBadSource({ ...source, found: message });
  else if (error.retryState !== 'NON_RETRYABLE_FAILURE' || leftAloneBy(error) !== undefined)
    tried.passing = true;
}

/** As it was before copies came from elsewhere. */
async function repairFromReach({ copyId, name, archive }: ArchiveRepairInput): Promise<string> {
  const { repairCopy } = proxyActivities<AuditActivities>(workAt('audit', archive));
  const sources = await records.repairSources({ copyId });
  if (sources === undefined) return SOUND;
  let failure: unknown;
  for (const source of sources) {
    try {
      const stored = await repairCopy({ copyId, sourceCopyId: source.copyId });
      await records.recordRepaired({ copyId, name, archive, source, stored });
      return repairedFrom(source.place, stored.key);
    } catch (error) {
      if (isCancellation(error)) throw error;
      failure = error;
    }
  }
  throw failure instanceof Error ? failure : noGoodCopy(name, new Map(), []);
}

function repairedFrom(place: string, key: string): string {
  return `put anew from ${place} as ${key}, read back and equal`;
}

function inWords(tried: ReadonlyMap<string, string>): string[] {
  return [...tried].map(([place, words]) => (words === '' ? place : `${place}: ${words}`));
}

function noGoodCopy(
  name: string,
  tried: ReadonlyMap<string, string>,
  supplyTo: string[],
): ApplicationFailure {
  const where = supplyTo.length === 0 ? 'into a buffer or an archive' : `as ${supplyTo.join(' or ')}`;
  return ApplicationFailure.create({
    type: 'ArchiveCorruptionError',
    message: `no good copy of ${name} is known to repair it from${tried.size === 0 ? '' : `: ${inWords(tried).join('; ')}`}`,
    nonRetryable: true,
    details: [
      {
        advice: `Nothing of the package is deleted or overwritten meanwhile. Bring a good copy back (a source, a tape, a backup) ${where}, then retry: it is read and compared before it is used.`,
      },
    ],
  });
}
