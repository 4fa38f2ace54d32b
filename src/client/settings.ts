import type { Catalogue } from '../core/database/catalogue.js';
import type { SettingChange } from '../core/database/catalogue/settings.js';
import type { SettingAuthor } from '../core/database/settings-catalogue.js';
import {
  effective,
  placeName,
  type ConfiguredSettings,
  type EffectiveSetting,
  type SettingPlace,
} from '../core/settings-manager.js';
import { definitionOf, SETTING_NAMES, type SettingName } from '../core/settings-registry.js';
import { formatValue, type AnyValue } from '../core/value-kinds.js';

/** Client calls about settings; each also is a command, `cdt settings`. */

/** A setting as it holds at a place. */
export interface SettingDescription {
  name: SettingName;
  /** With its unit. */
  shown: string;
  value: AnyValue;
  from: EffectiveSetting['from'];
  default: AnyValue;
  description: string;
  /** Every value that the catalogue has of it, wherever it holds. */
  given: { place: string; value: unknown }[];
}

/** Every setting as it holds at a place: everywhere, at a site, at a location. */
export async function describeSettings(
  catalogue: Catalogue,
  place: SettingPlace = {},
  configured: ConfiguredSettings = {},
): Promise<SettingDescription[]> {
  const stored = await catalogue.settings.stored();
  return SETTING_NAMES.map((name) => {
    const definition = definitionOf(name);
    const { value, from } = effective(name, place, stored, configured);
    return {
      name,
      shown: formatValue(definition, value),
      value,
      from,
      default: definition.default,
      description: definition.description,
      given: stored
        .filter((one) => one.name === name)
        .map((one) => ({ place: placeName(one), value: one.value })),
    };
  });
}

/**
 * Changes a setting; workers go by it within seconds.
 *
 * @param value in the setting's unit, or a text with one: `50GB`, `24h`
 * @returns the change; undefined where that value stood there already
 * @throws ConfigurationError for an unknown setting, site or location, or a value that is none
 */
export function setSetting(
  catalogue: Catalogue,
  name: string,
  value: AnyValue,
  place: SettingPlace,
  author: SettingAuthor,
): Promise<SettingChange | undefined> {
  return catalogue.settings.set(name, value, place, author);
}

/** Takes a value away, so that the next wider one holds. Undefined where there was none. */
export function unsetSetting(
  catalogue: Catalogue,
  name: string,
  place: SettingPlace,
  author: SettingAuthor,
): Promise<SettingChange | undefined> {
  return catalogue.settings.unset(name, place, author);
}
