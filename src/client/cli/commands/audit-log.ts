import { existsSync } from 'node:fs';
import { appendFile, readFile } from 'node:fs/promises';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { z } from 'zod';
import type { NumberedEntry } from '../../../core/database/catalogue/audit-log.js';
import { ConfigurationError } from '../../../core/exceptions.js';
import type { AuditHead } from '../../../core/policy/audit-chain.js';
import { printable } from '../../../core/utilities/printable.js';
import { count } from '../../../core/utilities/format.js';
import { EXIT, type Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface VerifyFlags {
  from?: number;
  to?: number;
  anchors?: string;
  checkpoint?: string;
  json: boolean;
  dataDir?: string;
}

/** `cdt audit-log`: what was done, and whether the log of it is as it was written. */
export function registerAuditLog(program: Command, io: Io): void {
  const group = program.command('audit-log').summary('show the audit log, and check its chain of hashes');
  group
    .command('verify')
    .summary('find an entry that was changed, removed or moved')
    .description(
      'Recomputes the chain of hashes from what is stored, and names every entry that was changed, removed or moved. Exit code 1 if there is one. Without anchors, a log whose end was cut off looks whole: see `cdt audit-log anchor`. With a checkpoint, what was changed before it is not seen: check the whole now and then.',
    )
    .option('--from <sequence>', 'first entry to check', sequence)
    .option('--to <sequence>', 'last entry to check', sequence)
    .option('--anchors <file>', 'ends of the chain that `cdt audit-log anchor` noted down')
    .addOption(
      new Option(
        '--checkpoint <file>',
        'check only what follows the end that the last check without a fault noted in this file, and note the new one',
      ).conflicts(['from', 'to']),
    )
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action((flags: VerifyFlags, command: Command) => {
      if ((flags.from ?? 1) > (flags.to ?? Infinity)) command.error('error: --from lies behind --to');
      return verify(flags, io);
    });
  group
    .command('anchor')
    .summary('note down the end of the chain in a file')
    .description(
      'Seals what was written since, and appends the end of the chain to a file, one JSON document a line. Keep that file where those who can write the catalogue can not.',
    )
    .requiredOption('--file <file>', 'the file to append to')
    .option(...DATA_DIR)
    .action(async (flags: { file: string; dataDir?: string }) => {
      const head = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.auditLog.seal(),
      );
      if (head === undefined)
        throw new ConfigurationError('the audit log is empty', { subject: 'audit log' });
      await note(flags.file, head);
      io.err.write(`entry ${head.sequence} noted down in ${flags.file}\n`);
    });
  group
    .command('show')
    .summary('list what was done to something')
    .requiredOption('--subject <what>', "a package's name, or the ID of anything the log speaks of")
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: { subject: string; json: boolean; dataDir?: string }) => {
      const word = flags.subject.replace(/\.tar$/, '');
      const entries = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.auditLog.about(word),
      );
      if (flags.json) io.out(`${JSON.stringify(entries, null, 2)}\n`);
      else if (entries.length === 0) io.out(`the audit log does not speak of ${printable(word)}\n`);
      else io.out(`${entries.map(line).join('\n')}\n`);
    });
}

async function verify(flags: VerifyFlags, io: Io): Promise<void> {
  const anchors = flags.anchors === undefined ? [] : await readAnchors(flags.anchors);
  const { from, to, checkpoint } = flags;
  const since =
    checkpoint !== undefined && existsSync(checkpoint) ? (await readAnchors(checkpoint)).at(-1) : undefined;
  const verdict = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
    catalogue.auditLog.verify({ from, to, anchors, since }),
  );
  if (verdict.faults.length > 0) io.exit(EXIT.failed);
  else if (checkpoint !== undefined && verdict.last !== undefined && verdict.checked > 0)
    await note(checkpoint, verdict.last);
  if (flags.json) {
    io.out(`${JSON.stringify({ ok: verdict.faults.length === 0, ...verdict }, null, 2)}\n`);
    return;
  }
  const checked = `${count(verdict.checked, 'entry', 'entries')} checked, ${count(anchors.length, 'anchor')} compared`;
  const waiting =
    verdict.unsealed === 0
      ? ''
      : `; ${verdict.unsealed} written since the last sealing, not in the chain yet`;
  const lines = verdict.faults.map((one) => one.words);
  const good =
    verdict.checked > 0
      ? 'the audit log is as it was written'
      : `nothing was there to check${since === undefined ? '' : ' since the last check'}`;
  const outcome = lines.length === 0 ? good : count(lines.length, 'fault');
  io.out(`${[...lines, `${outcome}: ${checked}${waiting}`].join('\n')}\n`);
}

async function note(file: string, head: AuditHead): Promise<void> {
  await appendFile(file, `${JSON.stringify({ ...head, at: new Date().toISOString() })}\n`, { flush: true });
}

const anchorShape = z.object({ sequence: z.int().positive(), hash: z.string().regex(/^[0-9a-f]{64}$/) });

async function readAnchors(file: string): Promise<AuditHead[]> {
  const lines = (await readText(file)).split('\n').filter((one) => one.trim() !== '');
  return lines.map((text, index) => {
    try {
      return anchorShape.parse(JSON.parse(text));
    } catch (cause) {
      throw new ConfigurationError(`line ${index + 1} of ${file} is no anchor`, {
        subject: file,
        advice: 'each line is as `cdt audit-log anchor` writes it',
        cause,
      });
    }
  });
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new ConfigurationError(
      `the anchors ${file} can't be read (${(cause as NodeJS.ErrnoException).code})`,
      {
        subject: file,
        cause,
      },
    );
  }
}

function line(one: NumberedEntry): string {
  const number = one.sequence === undefined ? 'not sealed' : `#${one.sequence}`;
  return printable(
    `${one.at}  ${number}  ${one.action}  ${one.subjectType} ${one.subjectId}  ${JSON.stringify(one.facts)}`,
  );
}

function sequence(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError('It must be a whole number, 1 or more.');
  return value;
}
