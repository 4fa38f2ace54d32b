import { commandOf, identityOf, isRunning, parentOf, type ProcessIdentity } from './process-identity.js';

/** How often to look whether the starting process still lives, in milliseconds. */
const WATCH_MS = 500;
const SHUTDOWN_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const PACKAGE_MANAGER = /(^|\/)(npm|npx|pnpm|yarn)(-cli)?(\.c?js)?( |$)/;

/**
 * The npm (or the like) that started this process; undefined when none did.
 *
 * Whoever kills npm means us: npm passes every signal on but SIGKILL, so that one has to be watched for.
 */
export function findStarter(environment: NodeJS.ProcessEnv = process.env): ProcessIdentity | undefined {
  if (environment['npm_lifecycle_event'] === undefined && environment['npm_command'] === undefined)
    return undefined;
  for (let pid = parentOf(process.pid); pid !== undefined; pid = parentOf(pid)) {
    // npm names itself "npm start"; a launcher that does not is "node .../npm-cli.js start".
    if (
      commandOf(pid)
        .slice(0, 2)
        .some((word) => PACKAGE_MANAGER.test(word))
    )
      return identityOf(pid);
  }
  return undefined;
}

/** A wish to end, from whomever. */
export interface ShutdownWish {
  /** Aborted at the first wish; its reason is an Error that says in words who wished it. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  dispose(): void;
}

/**
 * Listens for the ways in which this process is asked to end: Ctrl-C, SIGTERM, a closed terminal, a killed npm.
 *
 * Further signals are ignored: npm passes on a Ctrl-C that the terminal has sent us already.
 */
export function shutdownWish(): ShutdownWish {
  const controller = new AbortController();
  const wish = (who: string) => {
    controller.abort(new Error(who));
  };
  const handlers = SHUTDOWN_SIGNALS.map((name) => {
    const handler = () => wish(name === 'SIGINT' ? 'Ctrl-C' : name);
    process.on(name, handler);
    return () => process.off(name, handler);
  });
  const starter = findStarter();
  const timer = setInterval(() => {
    if (starter !== undefined && !isRunning(starter)) wish('the npm that started this has ended');
  }, WATCH_MS);
  timer.unref();
  return {
    signal: controller.signal,
    dispose: () => {
      clearInterval(timer);
      for (const remove of handlers) remove();
    },
  };
}
