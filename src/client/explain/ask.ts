import type { Client } from '@temporalio/client';
import type { Catalogue } from '../../core/database/catalogue.js';
import { deletionRulesAt } from '../../core/deletion-rules.js';
import { mayGo } from '../../core/policy/deletion.js';
import type { SettingsManager } from '../../core/settings-manager.js';
import { asOurs, passes } from '../errors.js';
import { explain, explainByWork } from './explain.js';
import type { Explanation, Sources } from './explanation.js';

/** How an explanation reaches the servers, and the settings as workers have them. */
export interface Access {
  catalogue(): Promise<Catalogue>;
  temporal(): Promise<Client>;
  settings(catalogue: Catalogue): SettingsManager;
}

/**
 * Explains what a word names. Asks both servers; where one is away, the other alone. Empty where nothing is called so.
 *
 * @throws DatabaseError where both are away
 */
export async function ask(access: Access, word: string): Promise<Explanation[]> {
  const temporal = await reach(access);
  try {
    const catalogue = await access.catalogue();
    return await explain(sources(catalogue, temporal, access), word);
  } catch (error) {
    if (!passes(error) || !('client' in temporal)) throw error;
    return await explainByWork(temporal.client, word, inWords(error));
  }
}

async function reach(access: Access): Promise<Sources['temporal']> {
  try {
    return { client: await access.temporal() };
  } catch (error) {
    if (!passes(error)) throw error;
    return { unreachable: inWords(error) };
  }
}

function sources(catalogue: Catalogue, temporal: Sources['temporal'], access: Access): Sources {
  const settings = access.settings(catalogue);
  return {
    catalogue,
    temporal,
    settings,
    whyKeep: async (packageId, targetId) => {
      const [facts] = await catalogue.deletions.facts([packageId]);
      const target = facts?.targets.find((one) => one.id === targetId);
      if (facts === undefined || target === undefined) return [];
      const { rules } = await deletionRulesAt(settings, target.location);
      return mayGo(target, facts, rules, await catalogue.deletions.now(), 'plan').reasons;
    },
  };
}

function inWords(error: unknown): string {
  const ours = asOurs(error);
  return `${ours.name}: ${ours.message}`;
}
