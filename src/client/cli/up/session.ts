import { unlessAborted } from '../../../core/utilities/unless-aborted.js';
import { lockDataDirectory, type DataDirectoryLock } from '../../embedded/data-directory.js';
import { startStack } from '../../embedded/stack.js';
import { shutdownWish } from '../../embedded/starter.js';
import { Supervisor } from '../../embedded/supervisor.js';
import { parseProgress, Rates } from '../display/rates.js';
import { screenFor, type Screen } from '../display/screen.js';
import { asOurs } from '../../errors.js';
import { EXIT, type Io } from '../io.js';
import { Cleanup } from './cleanup.js';
import { conclusion, lastFacts } from './conclusion.js';
import { upDocument, type Outcome } from './document.js';
import { Observer } from './observer.js';
import { sampleSource } from './sample.js';
import { checkSource, sourceLocationName } from './source.js';
import { prepareSystem } from './system.js';
import { watch } from './watching.js';
import { startWorkers, stopWorkers } from './workers.js';

export interface UpOptions {
  /** Absolute; undefined for the sample observation. */
  source?: string;
  once: boolean;
  json: boolean;
  /** Absolute. */
  dataDirectory: string;
  deleteSource: boolean;
  quietSeconds: number;
  giveUpAfterMinutes: number;
  settleMinutes: number;
}

/** What the parts of one run share. */
interface Session {
  options: UpOptions;
  environment: NodeJS.ProcessEnv;
  screen: Screen;
  /** Somebody wishes to end. */
  signal: AbortSignal;
  cleanup: Cleanup;
  /** Milliseconds. */
  startedAt: number;
  /** Filled in as things become known, so that a failure tells what was known by then. */
  outcome: Outcome;
  lock?: DataDirectoryLock;
}

/** Work that neither runs nor waits for this long was left: several rounds of the planners. Seconds. */
const IDLE_SECONDS = 75;

/** Runs the whole system on this machine for one source. Returns the exit code; everything it began is ended by then. */
export async function runUp(options: UpOptions, io: Io): Promise<number> {
  const { environment, err } = io;
  const screen = screenFor(err, environment);
  const wish = shutdownWish();
  const cleanup = new Cleanup((line) => screen.line(line));
  const session: Session = {
    options,
    environment,
    screen,
    cleanup,
    signal: wish.signal,
    startedAt: Date.now(),
    outcome: { seconds: 0 },
  };
  let code: number = EXIT.failed;
  try {
    code = await work(session);
  } catch (error) {
    if (wish.signal.aborted) code = options.once ? EXIT.interrupted : EXIT.ok;
    else session.outcome.failure = asOurs(error);
  }
  screen.end();
  if (wish.signal.aborted) screen.line(`ending in order: ${(wish.signal.reason as Error).message}`);
  await session.lock?.markStopping();
  await cleanup.run();
  wish.dispose();

  session.outcome.seconds = (Date.now() - session.startedAt) / 1000;
  const document = upDocument(session.outcome);
  err.write(`${conclusion(document, session.outcome, code, screen).join('\n')}\n`);
  if (options.json) io.out(`${JSON.stringify(document, null, 2)}\n`);
  return code;
}

/** Starts everything, in the order in which the parts need each other, and watches until it is over. */
async function work(session: Session): Promise<number> {
  const { options, environment, screen, signal, cleanup, outcome } = session;
  const { dataDirectory } = options;
  const report = (line: string): void => screen.line(line);

  const named = options.source === undefined ? undefined : await checkSource(options.source, dataDirectory);
  const lock = await unlessAborted(lockDataDirectory(dataDirectory, report), signal);
  session.lock = lock;
  cleanup.add('the hold on the data directory', () => lock.release());
  const directory = named ?? (await sampleSource(dataDirectory, report));
  outcome.source = directory;

  const supervisor = new Supervisor({ dataDirectory, report });
  cleanup.add('the servers', () => supervisor.stopAll());
  const { addresses } = await unlessAborted(
    startStack({ dataDirectory, environment, report, supervisor }),
    signal,
  );
  const temporalUi = addresses.temporal.uiUrl;
  Object.assign(outcome, { temporalUi, s3: { endpoint: addresses.s3.endpoint, root: addresses.s3.root } });
  if (temporalUi !== undefined) report(`Temporal UI: ${temporalUi}`);

  const source = {
    name: sourceLocationName(directory),
    directory,
    deletable: named === undefined || options.deleteSource,
  };
  const system = await prepareSystem(addresses, source, { dataDirectory, cleanup, signal, report });
  const observer = new Observer(system.catalogue, system.client, system.source);
  const rates = new Rates();
  const onMessage = (message: unknown): void => {
    const progress = parseProgress(message);
    if (progress !== undefined && rates.add(progress, Date.now())) observer.moved();
  };
  cleanup.add('the workers', () => stopWorkers(supervisor));
  await startWorkers({ supervisor, addresses, environment, quietSeconds: options.quietSeconds, onMessage });

  const limits = {
    giveUpAfterSeconds: options.giveUpAfterMinutes * 60,
    settleSeconds: options.settleMinutes * 60,
    idleSeconds: IDLE_SECONDS,
  };
  const { once, quietSeconds } = options;
  const verdict = await watch(system, observer, rates, {
    once,
    limits,
    quietSeconds,
    startedAt: session.startedAt,
    temporalUi,
    screen,
    signal,
  });
  Object.assign(outcome, await lastFacts(system, observer, verdict, { signal, report }));
  if (signal.aborted) return once ? EXIT.interrupted : EXIT.ok;
  return verdict?.state === 'done' ? EXIT.ok : EXIT.failed;
}
