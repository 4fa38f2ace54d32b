import type { Command } from 'commander';
import { dataDirectoryOf, resolveForUser } from '../directories.js';
import type { Io } from '../io.js';
import { nonNegative, positive } from './options.js';

interface Flags {
  source?: string;
  once: boolean;
  json: boolean;
  dataDir?: string;
  deleteSource: boolean;
  quietSeconds: number;
  giveUpAfter: number;
  settleMinutes: number;
}

export function registerUp(program: Command, io: Io): void {
  program
    .command('up')
    .summary(
      'run the whole system on this machine: servers, workers, and the way of a directory into the archive',
    )
    .description(
      'Starts Temporal with its UI, PostgreSQL, an S3 store and one worker for each site, and moves what lies below DIR from the site "ccat" ' +
        'into the archive of the site "cologne". Each first-level folder is one executed observation unit; loose files are one more. ' +
        'The state lies in the data directory: the same command goes on where it stood.',
    )
    .option(
      '--source <dir>',
      'directory with the files to archive; without it a sample observation is written and archived',
    )
    .option(
      '--once',
      'end when everything is archived and verified (exit 0), or when nothing more can be done without a person (exit 1)',
      false,
    )
    .option(
      '--json',
      'print one JSON document on standard output at the end; all else goes to standard error',
      false,
    )
    .option(
      '--data-dir <dir>',
      'where the servers, buffers and logs are kept (CCAT_DATA_TRANSFER_DATA_DIR, else .cdt in the project)',
    )
    .option(
      '--delete-source',
      'free the files of --source once they are archived and verified; without it they are never touched',
      false,
    )
    .option(
      '--quiet-seconds <n>',
      'leave files alone that were written less than n seconds ago',
      nonNegative,
      2,
    )
    .option(
      '--give-up-after <minutes>',
      'with --once: end when nothing at all moved for so long',
      positive,
      10,
    )
    .option(
      '--settle-minutes <n>',
      'with --once: end without files that are still being written after so long',
      positive,
      5,
    )
    .action(async (flags: Flags) => {
      // Loaded here, since no other command starts servers.
      const { runUp } = await import('../up/session.js');
      const { once, json, deleteSource, quietSeconds, settleMinutes } = flags;
      io.exit(
        await runUp(
          {
            source: flags.source === undefined ? undefined : resolveForUser(flags.source, io.environment),
            dataDirectory: dataDirectoryOf(flags.dataDir, io.environment),
            giveUpAfterMinutes: flags.giveUpAfter,
            ...{ once, json, deleteSource, quietSeconds, settleMinutes },
          },
          io,
        ),
      );
    });
}
