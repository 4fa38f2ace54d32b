import type { Client } from '@temporalio/client';
import type { FileFacts } from '../../core/database/catalogue/explain.js';
import { QUIET_TIMES, whyExecutionWaits } from '../../core/policy/execution-wait.js';
import {
  askTemporal,
  type CopyExplanation,
  type Explanation,
  type Sources,
  type Standing,
} from './explanation.js';
import { explainAtSource } from './explain-copy.js';
import { explainPackage } from './explain-package.js';
import { planned } from './planner.js';

/** Explains a file at a source: itself there, and the package that it is in. */
export async function explainFile(sources: Sources, file: FileFacts): Promise<Explanation> {
  const about = { kind: 'file' as const, id: file.id, name: file.path, observation: file.observation };
  if (file.packageId === undefined) {
    const asked = await askTemporal(sources, (client) => standingOfFile(sources, client, file));
    const held = await heldByExecution(sources, file);
    const copies = [await itself(sources, file)];
    return { ...about, state: file.state, copies, work: [], ...asked, ...(isFree(asked) ? held : {}) };
  }
  const ofPackage = await explainPackage(sources, file.packageId);
  return {
    ...ofPackage,
    ...about,
    state: `${file.state}, in package ${ofPackage.name}, which is ${ofPackage.state}`,
    copies: [
      await itself(sources, file),
      ...ofPackage.copies.filter((copy) => copy.locationType !== 'source'),
    ],
  };
}

async function itself(sources: Sources, file: FileFacts): Promise<CopyExplanation> {
  const source = await sources.catalogue.locationById(file.source.id);
  return explainAtSource(sources, { ...file, source });
}

/** Whether nothing else than its turn is known to hold it up. */
function isFree({ waiting }: Standing): boolean {
  return waiting.for === 'planner' || waiting.for === 'unknown';
}

/** What a file that could be packaged waits for in its observation; undefined where that does not hold it up. */
async function heldByExecution(sources: Sources, file: FileFacts): Promise<Standing | undefined> {
  if (file.state !== 'registered' || !file.quiet) return undefined;
  const { catalogue, settings } = sources;
  const place = { site: file.source.site, location: file.source.name };
  const waitSeconds = QUIET_TIMES * (await settings.get('packaging.quiet_seconds', place));
  const executionQuietSeconds = await settings.get('packaging.execution_quiet_seconds', place);
  const facts = await catalogue.explain.execution(file.id, waitSeconds);
  if (facts === undefined) return undefined;
  return whyExecutionWaits(facts, { waitSeconds, executionQuietSeconds }, await catalogue.deletions.now());
}

async function standingOfFile(sources: Sources, client: Client, file: FileFacts): Promise<Standing> {
  const place = { site: file.source.site, location: file.source.name };
  const looked = await planned(
    sources,
    client,
    'raw_data_package_creation',
    place,
    'packages what is still',
    file.seenAt,
  );
  if (file.state === 'refused') {
    const words = `it is not packaged: ${file.refusalReason ?? 'no reason is known'}`;
    return {
      ...looked,
      waiting: { for: 'operator', words, since: file.seenAt, advice: 'mend it at the source' },
    };
  }
  if (!file.quiet) {
    const words = 'it was still being written when it was last seen, and is packaged when it is still';
    return { ...looked, waiting: { for: 'planner', words, since: file.seenAt } };
  }
  return looked;
}
