import type { Logger } from '../../core/logging.js';

/** The same is said again after this time, in milliseconds. */
const AGAIN_AFTER = 10 * 60_000;
/** So many different things are remembered. */
const MOST = 1000;

/** Says the same once in a while, not every few seconds: others make the problems, as often as they like. */
export class ProblemLog {
  private readonly said = new Map<string, number>();

  constructor(
    private readonly log: Logger,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @returns whether it was said */
  tell(what: string, error: unknown): boolean {
    const message = error instanceof Error ? error.message : String(error);
    // A caller's port is another one each time.
    const key = `${what}: ${message.replaceAll(/:\d{1,5}\b/g, '')}`;
    const last = this.said.get(key);
    if (last !== undefined && this.now() - last < AGAIN_AFTER) return false;
    if (this.said.size >= MOST) this.said.clear();
    this.said.set(key, this.now());
    this.log.warn(what, { error });
    return true;
  }
}
