import type { Catalogue } from '../core/database/catalogue.js';
import type { Location } from '../core/database/records.js';
import type { Logger } from '../core/logging.js';
import type { Notifications } from '../core/notification-service.js';
import { probeStore } from '../core/storage/probe-store.js';
import { S3ArchiveStore, type StoreAbilities } from '../core/storage/s3-archive-store.js';
import type { S3Settings } from '../core/storage/s3-settings.js';
import {
  capabilityConcerns,
  lostAbilities,
  modeFor,
  type StoreCapabilities,
  type StoreMode,
} from '../core/storage/store-capabilities.js';

/** What was found of a store is asked anew after this time. */
const PROBE_AGE_MS = 7 * 86_400_000;
/** What another process found, or an operator's probe, is heard of after this time. */
const KNOWN_FOR_MS = 60_000;
/** A store that contradicts what it was found to do so shortly before is not asked once more. */
const JUST_NOW_MS = 60_000;

/**
 * What an S3 store can do, from the catalogue; found out by a probe where that is not known, too old, or was contradicted.
 */
export class KnownAbilities implements StoreAbilities {
  #mode: Promise<StoreMode> | undefined;
  #askedAt = -Infinity;
  #probedAt = 0;

  constructor(
    private readonly catalogue: Catalogue,
    private readonly location: Location,
    private readonly settings: S3Settings & { bucket: string },
    private readonly log: Logger,
    private readonly notifications?: Notifications,
  ) {}

  mode(): Promise<StoreMode> {
    if (performance.now() - this.#askedAt > KNOWN_FOR_MS) this.#mode = undefined;
    if (this.#mode === undefined) this.#askedAt = performance.now();
    this.#mode ??= this.#find().catch((error: unknown) => {
      this.#mode = undefined;
      throw error;
    });
    return this.#mode;
  }

  async contradicted(by: Error): Promise<boolean> {
    if (Date.now() - this.#probedAt < JUST_NOW_MS) return false;
    await this.catalogue.stores.contradicted(this.location.id, `${by.name}: ${by.message}`);
    this.#mode = undefined;
    return true;
  }

  /** Asks the store itself, and records the answer. */
  async probe(): Promise<StoreCapabilities> {
    await new S3ArchiveStore(this.settings).prepare();
    const able = await probeStore(this.settings);
    const before = await this.catalogue.stores.known(this.location.id, this.#store());
    await this.catalogue.stores.record(this.location.id, this.#store(), able);
    const place = `${this.location.site}.${this.location.name}`;
    const lost = before === undefined ? [] : lostAbilities(before.capabilities, able);
    if (lost.length > 0)
      await this.notifications?.tell({
        level: 'warning',
        kind: 'store_lost_abilities',
        subject: place,
        happened: `the store of ${place} can do less than before: ${lost.join('; ')}`,
        tried: 'It is used as far as it goes; every object is read back and digested as before.',
        advice: 'Find out what was changed at the store; `cdt store probe` asks it again.',
      });
    for (const concern of capabilityConcerns(able))
      this.log.warn(`the store of ${place}: ${concern}`, { place });
    this.#probedAt = Date.now();
    return able;
  }

  async #find(): Promise<StoreMode> {
    const known = await this.catalogue.stores.known(this.location.id, this.#store());
    if (known !== undefined && known.contradiction === undefined) {
      this.#probedAt = Date.parse(known.probedAt);
      if (Date.now() - this.#probedAt <= PROBE_AGE_MS) return modeFor(known.capabilities);
    }
    return modeFor(await this.probe());
  }

  #store(): string {
    return `${this.settings.endpoint ?? 'the provider'}/${this.settings.bucket}`;
  }
}
