import type { Command } from 'commander';
import type { Client } from '@temporalio/client';
import type { Catalogue } from '../../../core/database/catalogue.js';
import { deletionRulesAt } from '../../../core/deletion-rules.js';
import { ConfigurationError, type CCATDataOperationError } from '../../../core/exceptions.js';
import { mayGo } from '../../../core/policy/deletion.js';
import { connectTemporal } from '../../temporal.js';
import { explain, explainByWork } from '../../explain/explain.js';
import type { Explanation, Sources } from '../../explain/explanation.js';
import { explanationLines } from '../display/explanation.js';
import { styleFor } from '../display/style.js';
import { asOurs, passes } from '../errors.js';
import type { Io } from '../io.js';
import { settingsFor, withCatalogue, type ServerAddresses } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

export function registerExplain(program: Command, io: Io): void {
  program
    .command('explain <what>')
    .summary('tell where something is, what it waits for, and what comes next')
    .description(
      'Explains a package (name or ID), a file (its path), an observation, a copy or a data transfer (ID): where its copies are, what it waits for and since when, what comes next and when, and why each copy may or may not be deleted. Tells what it can where a server is down.',
    )
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (what: string, flags: { json: boolean; dataDir?: string }) => {
      const servers = await serversFor(flags, io.environment);
      const found = await explainWith(servers, what, io.environment);
      if (found.length === 0) {
        throw new ConfigurationError(`nothing is called ${what}`, {
          subject: what,
          advice:
            'Name a package, an observation, or a file by its path below its source; `cdt packages` lists the packages.',
        });
      }
      if (flags.json) io.out(`${JSON.stringify(found, null, 2)}\n`);
      else {
        const style = styleFor(process.stdout, io.environment);
        io.out(`${found.map((one) => explanationLines(one, style, new Date()).join('\n')).join('\n\n')}\n`);
      }
    });
}

/** Asks both servers; where one is away, the other alone. Where both are, the catalogue's error is told. */
async function explainWith(
  servers: ServerAddresses,
  what: string,
  environment: NodeJS.ProcessEnv,
): Promise<Explanation[]> {
  const temporal = await reachTemporal(servers);
  try {
    return await withCatalogue(servers, (catalogue) =>
      explain(sources(catalogue, temporal, environment), what),
    );
  } catch (error) {
    if (!passes(error) || !('client' in temporal)) throw error;
    return await explainByWork(temporal.client, what, inWords(asOurs(error)));
  } finally {
    if ('client' in temporal) await temporal.close();
  }
}

async function reachTemporal(
  servers: ServerAddresses,
): Promise<{ client: Client; close: () => Promise<void> } | { unreachable: string }> {
  try {
    return await connectTemporal(servers.temporal);
  } catch (error) {
    if (!passes(error)) throw error;
    return { unreachable: inWords(asOurs(error)) };
  }
}

function sources(
  catalogue: Catalogue,
  temporal: Sources['temporal'],
  environment: NodeJS.ProcessEnv,
): Sources {
  return {
    catalogue,
    temporal,
    whyKeep: async (packageId, targetId) => {
      const [facts] = await catalogue.deletions.facts([packageId]);
      const target = facts?.targets.find((one) => one.id === targetId);
      if (facts === undefined || target === undefined) return [];
      const { rules } = await deletionRulesAt(settingsFor(catalogue, environment), target.location);
      return mayGo(target, facts, rules, await catalogue.deletions.now(), 'plan').reasons;
    },
  };
}

function inWords(error: CCATDataOperationError): string {
  return `${error.name}: ${error.message}`;
}
