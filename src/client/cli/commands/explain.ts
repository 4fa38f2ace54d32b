import type { Command } from 'commander';
import { ConfigurationError } from '../../../core/exceptions.js';
import { explanationLines } from '../display/explanation.js';
import { styleFor } from '../display/style.js';
import type { Io } from '../io.js';
import { withClient } from '../stack-access.js';
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
      const found = await withClient(servers, io.environment, (client) => client.explain(what));
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
