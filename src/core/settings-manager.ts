import { CCATDataOperationError, ConfigurationError, DatabaseError } from './exceptions.js';
import type { Logger } from './logging.js';
import {
  ASCENDING,
  definitionOf,
  SETTINGS,
  type Scope,
  type SettingName,
  type SettingValue,
} from './settings-registry.js';
import { within } from './utilities/within.js';
import { checkValue, formatValue, type AnyValue } from './value-kinds.js';

/** Where a value is asked for; a location is named with its site. */
export interface SettingPlace {
  site?: string;
  location?: string;
}

/** A value that the catalogue holds; without a site it is the global one. */
export interface StoredSetting {
  name: string;
  site?: string;
  location?: string;
  value: unknown;
}

/** What work asks for the values of settings. */
export interface Settings {
  /**
   * The value that holds at a place now: location before site before global before configuration before default.
   *
   * @throws ConfigurationError when the catalogue holds a value that is none
   * @throws DatabaseError while the catalogue could never be read since this process began
   */
  get<N extends SettingName>(name: N, place?: SettingPlace): Promise<SettingValue<N>>;
}

/** Values that the configuration of this process gives, between the catalogue's and the defaults. */
export type ConfiguredSettings = Partial<Record<SettingName, AnyValue>>;

/** A value and what gave it. */
export interface EffectiveSetting {
  value: AnyValue;
  from: Scope | 'configuration' | 'default';
}

/** Values are this old at most while the catalogue answers. */
const MAX_AGE_MS = 2000;
/** With values of the past at hand, nobody waits longer than this for the catalogue. */
const PATIENCE_MS = 1000;

/**
 * The settings as they are now. The catalogue is read again when what was read is older than two seconds; while it is away, what
 * was read last holds.
 */
export class SettingsManager implements Settings {
  #stored: StoredSetting[] | undefined;
  #readAt = -Infinity;
  #reading: Promise<void> | undefined;
  #away = false;

  /**
   * @param source the catalogue's settings
   * @param configured what holds where the catalogue has no value
   */
  constructor(
    private readonly source: { stored(): Promise<StoredSetting[]> },
    private readonly configured: ConfiguredSettings = {},
    private readonly log?: Logger,
  ) {}

  async get<N extends SettingName>(name: N, place: SettingPlace = {}): Promise<SettingValue<N>> {
    const stored = await this.#current();
    return effective(name, place, stored, this.configured).value as SettingValue<N>;
  }

  async #current(): Promise<StoredSetting[]> {
    if (performance.now() - this.#readAt > MAX_AGE_MS) {
      this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
      // Without any values there is nothing to go by: a default in place of what an operator set could delete too early.
      if (this.#stored === undefined) await this.#reading;
      else await within(PATIENCE_MS, this.#reading);
    }
    if (this.#stored === undefined) throw new DatabaseError('the settings could not be read yet');
    return this.#stored;
  }

  async #read(): Promise<void> {
    try {
      this.#stored = await this.source.stored();
      if (this.#away) this.log?.info('the settings are read again');
      this.#away = false;
    } catch (error) {
      if (this.#stored === undefined || !(error instanceof CCATDataOperationError)) throw error;
      if (!this.#away)
        this.log?.warn('the settings can not be read; what was read last holds until then', { error });
      this.#away = true;
    }
    this.#readAt = performance.now();
  }
}

/**
 * Decides which value holds at a place.
 *
 * @throws ConfigurationError when the value that would hold is none
 */
export function effective(
  name: SettingName,
  place: SettingPlace,
  stored: readonly StoredSetting[],
  configured: ConfiguredSettings,
): EffectiveSetting {
  const candidates = stored.filter((one) => one.name === name);
  const found =
    (place.site !== undefined && place.location !== undefined
      ? candidates.find((one) => one.site === place.site && one.location === place.location)
      : undefined) ??
    (place.site === undefined
      ? undefined
      : candidates.find((one) => one.site === place.site && one.location === undefined)) ??
    candidates.find((one) => one.site === undefined);
  if (found === undefined) {
    const value = configured[name];
    return value === undefined
      ? { value: SETTINGS[name].default, from: 'default' }
      : { value, from: 'configuration' };
  }
  const checked = checkValue(definitionOf(name), found.value);
  if ('value' in checked) return { value: checked.value, from: scopeOf(found) };
  throw new ConfigurationError(`the setting ${name} (${placeName(found)}): ${checked.reason}`, {
    subject: name,
    advice: 'Correct it with `cdt settings set` or `cdt settings unset`.',
  });
}

/** Why the values that operators gave can't hold together with one of this setting, in one sentence; undefined where they can. */
export function whyOutOfOrder(name: SettingName, stored: readonly StoredSetting[]): string | undefined {
  for (const group of ASCENDING.filter((one) => (one as readonly SettingName[]).includes(name))) {
    const places = stored.filter((one) => (group as readonly string[]).includes(one.name));
    for (const place of [{}, ...places]) {
      const values = group.map((one) => effective(one, place, stored, {}).value as number);
      const index = values.findIndex((value, at) => value > (values[at + 1] ?? Infinity));
      const [lower, upper] = [group[index], group[index + 1]];
      if (lower === undefined || upper === undefined) continue;
      const shown = (one: SettingName, at: number) => formatValue(definitionOf(one), values[at] ?? 0);
      return `${lower} (${shown(lower, index)}) would be above ${upper} (${shown(upper, index + 1)}) for ${placeName(place)}`;
    }
  }
  return undefined;
}

export function scopeOf(place: SettingPlace): Scope {
  return place.site === undefined ? 'global' : place.location === undefined ? 'site' : 'location';
}

/** A place for people: `global`, `cologne`, `cologne.buffer`. */
export function placeName({ site, location }: SettingPlace): string {
  return site === undefined ? 'global' : location === undefined ? site : `${site}.${location}`;
}
