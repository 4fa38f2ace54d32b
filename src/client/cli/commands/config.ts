import type { Command } from 'commander';
import { readConfiguration } from '../../../core/configuration.js';
import { printable } from '../../../core/utilities/printable.js';
import { table } from '../display/tables.js';
import { EXIT, type Io } from '../io.js';
import { JSON_OUTPUT } from './options.js';

/** `cdt config`: what a process on this machine would be told at its start. */
export function registerConfig(program: Command, io: Io): void {
  const group = program.command('config').summary('show and check the configuration of this machine');
  group
    .command('show')
    .summary('every key, its value, and what gave it; secrets as ***')
    .option(...JSON_OUTPUT, false)
    .action((flags: { json: boolean }) => {
      const outcome = readConfiguration(io.environment);
      if ('problems' in outcome) {
        tell(outcome.problems);
        return;
      }
      const { environment, file, entries } = outcome.configuration;
      if (flags.json) {
        io.out(
          `${JSON.stringify({ environment: environment ?? null, file: file ?? null, keys: entries }, null, 2)}\n`,
        );
        return;
      }
      const rows = entries.map((one) => [one.key, one.shown ?? '', one.from]);
      io.out(`${table(['key', 'value', 'from'], rows)}\n`);
      io.out(`file: ${printable(file ?? 'none')}; environment: ${environment ?? 'none'}\n`);
      io.out('What the catalogue says of a setting goes before this: `cdt settings list`.\n');
    });
  group
    .command('check')
    .summary('tell everything that is wrong with the configuration; exit code 1 if there is anything')
    .action(() => {
      const outcome = readConfiguration(io.environment);
      if ('problems' in outcome) {
        tell(outcome.problems);
        return;
      }
      io.out('the configuration is right\n');
    });

  function tell(problems: string[]): void {
    io.out(`${problems.map(printable).join('\n')}\n`);
    io.exit(EXIT.failed);
  }
}
