import { getRedisConnection, type RedisConnection } from './utilities/redis.js';
import type { Secret } from './utilities/secret.js';
import type { Logger } from './logging.js';

/** As the original system has them: `health:{type}:{name}` = `alive`, gone 90 s after the last refresh, refreshed every 30 s. */
export const HEALTH_TTL_SECONDS = 90;
const REFRESH_MS = 30_000;
const ALIVE = 'alive';

export interface HealthKeysOptions {
  url: Secret;
  /** What the observatory's monitors call this sort of service. */
  type: string;
  /** The plain name, which replicas share: any of them keeps it alive. */
  name: string;
  /** This very process: site, host and process, so that no replica hides another one's end. */
  instance: string;
  /** Whether work gets on; the keys are left to expire while it does not. */
  progresses: () => Promise<boolean>;
  log: Logger;
  refreshMs?: number;
}

export function healthKey(type: string, name: string): string {
  return `health:${type}:${name}`;
}

/**
 * Shows the observatory's monitors that this process is alive and gets on. Never disturbs the work: a Redis that is away is logged once
 * and found again by itself.
 */
export class HealthKeys {
  private connection: RedisConnection | undefined;
  private readonly timer: NodeJS.Timeout;
  private running: Promise<void> | undefined;
  private trouble = '';
  private closed = false;

  constructor(private readonly options: HealthKeysOptions) {
    this.timer = setInterval(() => void this.refresh(), options.refreshMs ?? REFRESH_MS).unref();
    void this.refresh();
  }

  /** Refreshes the keys now, where work gets on. */
  refresh(): Promise<void> {
    this.running ??= this.attempt().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  /** Takes this process's own key away; the shared one is left to the others, or to expire. */
  async close(): Promise<void> {
    this.closed = true;
    clearInterval(this.timer);
    await this.running;
    try {
      await this.connection?.remove([healthKey(this.options.type, this.options.instance)]);
    } catch (error) {
      this.options.log.debug('the health key is left to expire', { error });
    }
    this.connection?.close();
  }

  private async attempt(): Promise<void> {
    if (this.closed) return;
    const { url, type, name, instance, progresses, log } = this.options;
    try {
      if (!(await progresses())) {
        this.complain('no work gets on: the health keys are left to expire');
        return;
      }
      this.connection ??= await getRedisConnection(url, (error) =>
        this.complain('Redis is away: the health keys are left to expire', error),
      );
      for (const one of [name, instance])
        await this.connection.setExpiring(healthKey(type, one), ALIVE, HEALTH_TTL_SECONDS);
      if (this.trouble !== '') log.info('the health keys are refreshed again');
      this.trouble = '';
    } catch (error) {
      this.complain('the health keys could not be refreshed', error);
    }
  }

  /** Once for each trouble. */
  private complain(message: string, error?: unknown): void {
    if (this.trouble === '') this.options.log.warn(message, { error });
    this.trouble = message;
  }
}
