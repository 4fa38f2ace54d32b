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

  tell(what: string, error: unknown): void {
    const { message = '' } = (error ?? {}) as { message?: string };
    // A caller's port is another one each time.
    if (this.isNew(`${what}: ${message.replaceAll(/:\d{4,5}\b/g, '')}`)) this.log.warn(what, { error });
  }

  /** Whether this was not said for a while. */
  isNew(what: string): boolean {
    const last = this.said.get(what);
    if (last !== undefined && this.now() - last < AGAIN_AFTER) return false;
    if (this.said.size >= MOST) this.said.clear();
    this.said.set(what, this.now());
    return true;
  }
}
