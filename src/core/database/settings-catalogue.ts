import type { EntityManager } from 'typeorm';
import { ConfigurationError } from '../exceptions.js';
import { whyOutOfOrder, type SettingPlace, type StoredSetting } from '../settings-manager.js';
import { definitionOf, isSettingName, SETTING_NAMES, type SettingName } from '../settings-registry.js';
import { nearest } from '../utilities/nearest.js';
import { checkValue, type AnyValue } from '../value-kinds.js';
import * as settings from './catalogue/settings.js';
import type { SettingChange } from './catalogue/settings.js';
import type { Transactions } from './transactions.js';

/** Who changes a setting, and why. */
export interface SettingAuthor {
  by: string;
  note?: string;
}

/** Values that operators gave to settings, and who gave them. Throws as {@link Catalogue} does. */
export class SettingsCatalogue {
  constructor(private readonly transactions: Transactions) {}

  /** Every value there is. */
  stored(): Promise<StoredSetting[]> {
    return this.transactions.read((manager) => settings.stored(manager));
  }

  /**
   * Gives a setting a value at a place.
   *
   * @returns the change; undefined where that value stood there already
   * @throws ConfigurationError for an unknown setting, site or location, a value that is none, or one that does not go with those of
   *   other settings
   */
  async set(
    name: string,
    value: AnyValue,
    place: SettingPlace,
    author: SettingAuthor,
  ): Promise<SettingChange | undefined> {
    if (!isSettingName(name)) throw unknownSetting(name);
    const checked = checkValue(definitionOf(name), value);
    if ('reason' in checked) throw new ConfigurationError(`${name}: ${checked.reason}`, { subject: name });
    return this.transactions.write(async (manager) => {
      const change = await settings.change(manager, name, checked.value, place, author);
      await assertInOrder(manager, name);
      return change;
    });
  }

  /**
   * Takes a setting's value at a place away, so that the next wider one holds.
   *
   * @returns the change; undefined where there was none
   * @throws ConfigurationError for an unknown setting, site or location
   */
  async unset(name: string, place: SettingPlace, author: SettingAuthor): Promise<SettingChange | undefined> {
    // What a later release no longer knows can still be taken away.
    return this.transactions.write(async (manager) => {
      const change = await settings.change(manager, name, undefined, place, author);
      if (isSettingName(name)) await assertInOrder(manager, name);
      return change;
    });
  }

  /** Changes of one setting or of all, latest first. */
  history(name?: string, limit = 1000): Promise<SettingChange[]> {
    return this.transactions.read((manager) => settings.history(manager, name, limit));
  }
}

/** Refuses a change after which values would contradict each other. */
async function assertInOrder(manager: EntityManager, name: SettingName): Promise<void> {
  const reason = whyOutOfOrder(name, await settings.stored(manager));
  if (reason === undefined) return;
  throw new ConfigurationError(reason, { subject: name, advice: 'Change the other one first.' });
}

export function unknownSetting(name: string): ConfigurationError {
  const near = nearest(name, SETTING_NAMES);
  return new ConfigurationError(`there is no setting ${name}`, {
    subject: name,
    advice: near === undefined ? '`cdt settings list` names them all.' : `Did you mean ${near}?`,
  });
}
