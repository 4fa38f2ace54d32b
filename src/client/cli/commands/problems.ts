import type { Command } from 'commander';
import { problemLines } from '../display/tables.js';
import { styleFor } from '../display/style.js';
import type { Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { problemDocument } from '../up/document.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

export function registerProblems(program: Command, io: Io): void {
  program
    .command('problems')
    .summary('list what a person should know, and what to do about it')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: { json: boolean; dataDir?: string }) => {
      const problems = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.openProblems(),
      );
      if (flags.json) {
        const documents = problems.map((one) => ({
          ...problemDocument(one),
          firstAt: one.firstAt,
          lastAt: one.lastAt,
          count: one.count,
        }));
        io.out(`${JSON.stringify(documents, null, 2)}\n`);
        return;
      }
      const style = styleFor(process.stdout, io.environment);
      const lines = problems.flatMap((one) => problemLines(problemDocument(one), style));
      io.out(lines.length === 0 ? 'there are no open problems\n' : `${lines.join('\n')}\n`);
    });
}
