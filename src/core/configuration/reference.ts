import { definitionOf, isSettingName, SETTING_NAMES, variableOf } from '../settings-registry.js';
import { expectedOf, formatValue } from '../value-kinds.js';
import { ALL_KEYS, KEY_NAMES } from './keys.js';

/** The rows of docs/configuration.md, from the tables that the program itself goes by. */

/** One row: the cells of a table of the page. */
export type ReferenceRow = readonly string[];

/** Key, variable, what it may be, default, meaning. */
export function keyRows(): ReferenceRow[] {
  return KEY_NAMES.flatMap((name) => {
    const key = ALL_KEYS.get(name);
    if (key === undefined || isSettingName(name)) return [];
    const secret = key.secret === undefined ? '' : '; secret';
    const standard = key.default === undefined ? '' : formatValue(key, key.default);
    return [[code(name), code(key.variable), `${expectedOf(key)}${secret}`, standard, key.description]];
  });
}

/** Setting, variable, what it may be, default, meaning. */
export function settingRows(): ReferenceRow[] {
  return SETTING_NAMES.map((name) => {
    const setting = definitionOf(name);
    return [
      code(name),
      code(variableOf(name)),
      expectedOf(setting),
      formatValue(setting, setting.default),
      setting.description,
    ];
  });
}

function code(text: string): string {
  return `\`${text}\``;
}
