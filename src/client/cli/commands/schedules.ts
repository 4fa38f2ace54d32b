import { InvalidArgumentError, type Command } from 'commander';
import type { Client } from '@temporalio/client';
import {
  backfillSchedule,
  pauseSchedule,
  resumeSchedule,
  schedule,
  schedules,
  triggerSchedule,
  type ScheduleState,
} from '../../schedules.js';
import { shortTime } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { operatorName } from '../../operator-name.js';
import { withTemporal } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface Flags {
  json: boolean;
  dataDir?: string;
  note?: string;
  from?: Date;
  to?: Date;
}

export function registerSchedules(program: Command, io: Io): void {
  const parent = program
    .command('schedules')
    .summary('when planners look for work, and files are staged: list, pause, resume, trigger, backfill');
  const withClient = async <T>(flags: Flags, act: (client: Client) => Promise<T>) =>
    withTemporal(await serversFor(flags, io.environment), act);

  parent
    .command('list')
    .summary('list the schedules of the planners, and those that stage files')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags) => {
      const found = await withClient(flags, schedules);
      io.out(flags.json ? `${JSON.stringify(found, null, 2)}\n` : `${scheduleTable(found)}\n`);
    });

  const verb = (
    name: string,
    summary: string,
    act: (client: Client, id: string, flags: Flags) => Promise<void>,
  ) =>
    parent
      .command(`${name} <schedule>`)
      .summary(summary)
      .option(...JSON_OUTPUT, false)
      .option(...DATA_DIR)
      .action(async (id: string, flags: Flags) => {
        const found = await withClient(flags, async (client) => {
          await act(client, id, flags);
          return schedule(client, id);
        });
        io.out(flags.json ? `${JSON.stringify(found, null, 2)}\n` : `${scheduleTable([found])}\n`);
      });

  verb('pause', 'let it not run by itself any more', (client, id, { note }) =>
    pauseSchedule(client, id, operatorName(), note),
  ).option('--note <text>', 'why; kept with your name');
  verb('resume', 'let it run by itself again', (client, id, { note }) =>
    resumeSchedule(client, id, operatorName(), note),
  ).option('--note <text>', 'why; kept with your name');
  verb('trigger', 'run it now', (client, id) => triggerSchedule(client, id));
  verb(
    'backfill',
    'make up for the times of a period at which it did not run',
    (client, id, { from = new Date(), to = new Date() }) => backfillSchedule(client, id, from, to),
  )
    .requiredOption('--from <time>', 'ISO 8601, for example 2026-11-24T08:00Z', time)
    .requiredOption('--to <time>', 'ISO 8601', time);
}

function time(text: string): Date {
  const value = new Date(text);
  if (Number.isNaN(value.getTime())) throw new InvalidArgumentError('It must be a time in ISO 8601.');
  return value;
}

function scheduleTable(found: ScheduleState[]): string {
  if (found.length === 0) return 'there are no schedules: a worker with --workflows makes them';
  const rows = found.map((one) => [
    one.id,
    one.everySeconds === undefined ? 'by the clock' : `${one.everySeconds} s`,
    one.paused ? 'paused' : one.running > 0 ? 'running' : 'waiting',
    shortTime(one.lastRun),
    shortTime(one.nextRun),
    one.note ?? '',
  ]);
  return table(['schedule', 'every', 'state', 'last (UTC)', 'next (UTC)', 'note'], rows);
}
