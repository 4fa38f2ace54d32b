import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateDirectory, CertificateListing } from '../core/certificates/certificate-directory.js';
import { AUTHORITY } from '../core/certificates/certificate-files.js';
import { daysUntil, ENDS_SOON_DAYS } from '../core/certificates/certificate-warnings.js';
import { CCATDataOperationError } from '../core/exceptions.js';
import type { Logger } from '../core/logging.js';
import type { Metrics } from '../core/metrics.js';
import type { Notifications } from '../core/notification-service.js';
import { count } from '../core/utilities/format.js';

/** Between two looks, in milliseconds. */
const LOOK_EVERY = 60_000;
/** Told once when so many days are left, or fewer. */
const TOLD_AT_DAYS = [0, 1, 3, 7, 14, ENDS_SOON_DAYS];
const CRITICAL_DAYS = 7;

interface Parts {
  directory: Pick<CertificateDirectory, 'path' | 'list' | 'credentials'>;
  site: string;
  metrics: Pick<Metrics, 'certificateEnds'>;
  notifications: Notifications;
  log: Logger;
  now?: () => number;
}

/** Tells people before the certificates that a site's worker lives on end, and while they can't be used. */
export class CertificateWatch {
  /** What was told last of each certificate: the days that were left, or what was wrong. */
  private readonly told = new Map<string, string>();

  constructor(private readonly parts: Parts) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await sleep(LOOK_EVERY, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One look; never throws. */
  async look(): Promise<void> {
    const { directory, site, metrics, log } = this.parts;
    try {
      const found = (await directory.list()).filter(({ name }) => name === site || name === AUTHORITY);
      metrics.certificateEnds.reset();
      for (const one of found) {
        metrics.certificateEnds.set({ site, certificate: one.name }, Date.parse(one.endsAt) / 1000);
        await this.tellOfEnd(one);
      }
      await directory.credentials(site);
      await this.tellOnce(site, '');
    } catch (error) {
      if (!(error instanceof CCATDataOperationError)) throw error;
      log.warn('the certificates of this site can not be used', { directory: directory.path, error });
      await this.tellOnce(site, error.message, error.advice);
    }
  }

  private async tellOfEnd({ name, endsAt, file }: CertificateListing): Promise<void> {
    const now = (this.parts.now ?? Date.now)();
    const days = daysUntil(Date.parse(endsAt), now);
    const step = TOLD_AT_DAYS.find((one) => days <= one);
    const before = this.told.get(name);
    this.told.set(name, String(step));
    const subject = `certificate of ${name}`;
    if (step !== undefined && before !== String(step))
      await this.parts.notifications.tell({
        level: days <= CRITICAL_DAYS ? 'critical' : 'warning',
        kind: 'certificate_ends',
        subject,
        happened:
          days < 0 ? `${file} ended on ${endsAt}` : `${file} ends in ${count(days, 'day')}, on ${endsAt}`,
        tried: 'Stream routes go on until then; afterwards the other sites refuse this one.',
        advice: `Run \`cdt certificates renew ${name}\` where the authority is, and copy ${name}.pem here; the worker takes it up by itself.`,
      });
    if (step === undefined && before !== undefined && before !== 'undefined')
      await this.parts.notifications.tell({
        level: 'info',
        kind: 'certificate_renewed',
        subject,
        happened: `${file} was renewed and holds until ${endsAt}`,
        resolves: 'certificate_ends',
      });
  }

  /** Tells of what can't be used once, and once when it can again. */
  private async tellOnce(site: string, wrong: string, advice?: string): Promise<void> {
    const key = `credentials of ${site}`;
    const before = this.told.get(key) ?? '';
    this.told.set(key, wrong);
    if (wrong === before) return;
    await this.parts.notifications.tell(
      wrong === ''
        ? {
            level: 'info',
            kind: 'certificate_usable',
            subject: key,
            happened: 'they can be used again',
            resolves: 'certificate_unusable',
          }
        : {
            level: 'critical',
            kind: 'certificate_unusable',
            subject: key,
            happened: wrong,
            tried:
              'Nothing is sent or received on stream routes of this site until it is right; the worker looks again by itself.',
            advice,
          },
    );
  }
}
