import type { Command } from 'commander';
import { printable } from '../../../core/utilities/printable.js';
import { breakerNamed, breakers, resetBreaker, type ShownBreaker } from '../../breakers.js';
import { count } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { operatorName } from '../../operator-name.js';
import { withCatalogue, withTemporal } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface Flags {
  json: boolean;
  dataDir?: string;
}

/** `cdt breakers`: which routes and stores are left alone because they failed, and an operator's word to use one again. */
export function registerBreakers(program: Command, io: Io): void {
  const group = program
    .command('breakers')
    .summary('which routes and stores are left alone because they keep failing')
    .description(
      'A route or a store that failed several times in a row is left alone for a while that grows, and probed by one piece of work.',
    );
  group
    .command('list', { isDefault: true })
    .summary('list them, those that are left alone first')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags) => {
      const found = await withCatalogue(await serversFor(flags, io.environment), breakers);
      if (flags.json) io.out(`${JSON.stringify(found, null, 2)}\n`);
      else io.out(found.length === 0 ? 'no route and no store has ever failed\n' : `${listing(found)}\n`);
    });
  group
    .command('reset <breaker>')
    .summary('let a route or a store be used at once')
    .description('<breaker> is route/<name> or store/<site>.<location>, as `cdt breakers` lists it.')
    .requiredOption('--reason <text>', 'why, for those who find it later')
    .option(...DATA_DIR)
    .action(async (text: string, flags: { dataDir?: string; reason: string }) => {
      const subject = breakerNamed(text);
      const servers = await serversFor(flags, io.environment);
      const word = { by: operatorName(), reason: flags.reason };
      const told = await withCatalogue(servers, (catalogue) =>
        withTemporal(servers, (client) => resetBreaker(catalogue, client, subject, word)),
      );
      io.err.write(
        printable(
          `the ${subject.kind} ${subject.name} is used again; ${count(told, 'journey')} waited for it`,
        ) + '\n',
      );
    });
}

const STATES = { closed: 'used', open: 'left alone', half_open: 'being probed' };

function listing(found: ShownBreaker[]): string {
  const short = (at: string | undefined) => at?.slice(0, 19).replace('T', ' ') ?? '';
  const rows = found.map((one) => [
    `${one.kind}/${one.name}`,
    STATES[one.state],
    String(one.failures),
    short(one.since),
    short(one.nextProbeAt),
    one.lastFailure === undefined ? '' : `${one.lastFailure.errorClass}: ${one.lastFailure.message}`,
  ]);
  return table(['breaker', 'state', 'failures', 'since (UTC)', 'probed (UTC)', 'last failure'], rows, {
    widths: { 5: 60 },
  });
}
