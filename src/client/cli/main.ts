import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, CommanderError, Help } from 'commander';
import { registerAudit } from './commands/audit.js';
import { registerAuditLog } from './commands/audit-log.js';
import { registerBreakers } from './commands/breakers.js';
import { registerCertificates } from './commands/certificates.js';
import { registerConfig } from './commands/config.js';
import { registerDecisions } from './commands/decide.js';
import { registerDeletion } from './commands/deletion.js';
import { registerExplain } from './commands/explain.js';
import { registerHold } from './commands/hold.js';
import { registerLocations } from './commands/locations.js';
import { registerMigrate } from './commands/migrate.js';
import { registerNotify } from './commands/notify.js';
import { registerObservation } from './commands/observation.js';
import { registerPackages } from './commands/packages.js';
import { registerProblems } from './commands/problems.js';
import { registerQueues } from './commands/queues.js';
import { registerReplay } from './commands/replay.js';
import { registerRun } from './commands/run.js';
import { registerSettings } from './commands/settings.js';
import { registerSchedules } from './commands/schedules.js';
import { registerStage } from './commands/stage.js';
import { registerStatus } from './commands/status.js';
import { registerStore } from './commands/store.js';
import { registerTopology } from './commands/topology.js';
import { registerTransfers } from './commands/transfers.js';
import { registerUp } from './commands/up.js';
import { registerWaiting } from './commands/waiting.js';
import { registerWorker } from './commands/worker.js';
import { loadConfiguration } from '../../core/configuration.js';
import { OTHER_VARIABLES } from '../../core/configuration/keys.js';
import { projectRoot } from '../embedded/project-root.js';
import { styleFor } from './display/style.js';
import { asOurs } from '../errors.js';
import { errorLines } from './errors.js';
import { EXIT, type Io } from './io.js';

/**
 * The command line, `cdt`.
 *
 * @param argv the arguments behind the program's name
 * @returns the exit code: 0 all is well, 1 something could not be done, 2 wrong usage, 130 interrupted before `up --once` was done
 */
export async function main(argv: string[]): Promise<number> {
  let code: number = EXIT.ok;
  const io: Io = {
    environment: process.env,
    out: (text) => void process.stdout.write(text),
    err: process.stderr,
    exit: (given) => {
      code = given;
    },
  };
  // For operators it is noise: which versions of Node.js are supported is in the README.
  io.environment.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  try {
    await program(io).parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    // Help and version end this way too, with 0; everything else that the parser ends is wrong usage.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    process.stderr.write(`${errorLines(asOurs(error), styleFor(process.stderr, process.env)).join('\n')}\n`);
    return EXIT.failed;
  }
}

/** Every command, with its options and what it does. */
export function program(io: Io): Command {
  const cdt = new Command('cdt')
    .description(
      "Moves an observatory's raw data from the instrument's disk to long-term archives, and proves that every byte arrived.",
    )
    .version(version())
    .helpCommand(true)
    .configureHelp({
      // Where the list of commands says it all, a command's own help says the same.
      commandDescription: (command) => command.description() || command.summary(),
      optionDescription: (option) => new Help().optionDescription(option).replace(' (default: false)', ''),
    })
    .showHelpAfterError('(cdt help lists the commands; cdt help <command> tells more)')
    .option(
      '--environment <name>',
      'whose section of the configuration file holds: localdev, staging, production',
    )
    .exitOverride();
  cdt.hook('preAction', (_, command) => {
    const { environment } = cdt.opts<{ environment?: string }>();
    if (environment !== undefined)
      io.environment = { ...io.environment, [OTHER_VARIABLES.environment]: environment };
    // What is wrong with the configuration is what `cdt config` tells.
    if (command.parent?.name() !== 'config')
      io.environment = loadConfiguration(io.environment).asEnvironment();
  });
  registerUp(cdt, io);
  registerStatus(cdt, io);
  registerPackages(cdt, io);
  registerNotify(cdt, io);
  registerProblems(cdt, io);
  registerExplain(cdt, io);
  registerWaiting(cdt, io);
  registerDecisions(cdt, io);
  registerRun(cdt, io);
  registerTransfers(cdt, io);
  registerStage(cdt, io);
  registerTopology(cdt, io);
  registerStore(cdt, io);
  registerAudit(cdt, io);
  registerLocations(cdt, io);
  registerQueues(cdt, io);
  registerSchedules(cdt, io);
  registerReplay(cdt, io);
  registerDeletion(cdt, io);
  registerHold(cdt, io);
  registerObservation(cdt, io);
  registerAuditLog(cdt, io);
  registerSettings(cdt, io);
  registerBreakers(cdt, io);
  registerConfig(cdt, io);
  registerCertificates(cdt, io);
  registerMigrate(cdt, io);
  registerWorker(cdt, io);
  cdt.addHelpText(
    'after',
    '\nExit codes: 0 all is well, 1 something could not be done, 2 wrong usage, 130 interrupted before `up --once` was done.',
  );
  return cdt;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(join(projectRoot(), 'package.json'), 'utf8')) as {
    version: string;
  };
  return manifest.version;
}
