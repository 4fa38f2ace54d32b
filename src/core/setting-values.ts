import {
  definitionOf,
  type AnySettingValue,
  type DurationUnit,
  type SettingName,
} from './settings-registry.js';
import { printable } from './utilities/printable.js';

/** Values of settings as people write and read them: `50GB`, `24h`, `90 s`, `on`. */

/** A value, or why it is none. */
export type Checked = { value: AnySettingValue } | { reason: string };

const SECONDS: Record<DurationUnit, number> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };

const DURATION_SUFFIXES: Record<string, DurationUnit> = Object.fromEntries(
  Object.entries({
    seconds: ['s', 'sec', 'second', 'seconds'],
    minutes: ['m', 'min', 'minute', 'minutes'],
    hours: ['h', 'hour', 'hours'],
    days: ['d', 'day', 'days'],
  } satisfies Record<DurationUnit, string[]>).flatMap(([unit, suffixes]) =>
    suffixes.map((suffix) => [suffix, unit as DurationUnit]),
  ),
);

const BYTES: Record<string, number> = {
  '': 1,
  B: 1,
  ...powers(1000, ['kB', 'MB', 'GB', 'TB', 'PB']),
  ...powers(1024, ['KiB', 'MiB', 'GiB', 'TiB', 'PiB']),
};

const SHORT: Record<DurationUnit, string> = { seconds: 's', minutes: 'min', hours: 'h', days: 'd' };

/** Checks a value that has a type already, as the catalogue and a TOML file give it; a text is read as {@link parseSetting} does. */
export function checkSetting(name: SettingName, value: unknown): Checked {
  const definition = definitionOf(name);
  if (typeof value === 'string' && definition.type !== 'text' && definition.type !== 'choice')
    return parseSetting(name, value);
  const refused = { reason: `${shown(value)} is not ${expectedOf(name)}` };
  switch (definition.type) {
    case 'boolean':
      return typeof value === 'boolean' ? { value } : refused;
    case 'text':
      return typeof value === 'string' && (definition.pattern?.test(value) ?? true) ? { value } : refused;
    case 'choice':
      return typeof value === 'string' && definition.values.includes(value) ? { value } : refused;
    default: {
      if (typeof value !== 'number' || !Number.isFinite(value)) return refused;
      const whole = definition.type === 'integer' || definition.type === 'bytes';
      const fits =
        value >= definition.min && value <= definition.max && (!whole || Number.isSafeInteger(value));
      return fits ? { value } : refused;
    }
  }
}

/** Reads a value as a person writes it. A number without a unit is in the setting's own. */
export function parseSetting(name: SettingName, text: string): Checked {
  const definition = definitionOf(name);
  const trimmed = text.trim();
  if (definition.type === 'text' || definition.type === 'choice') return checkSetting(name, trimmed);
  if (definition.type === 'boolean') {
    if (/^(true|on|yes)$/i.test(trimmed)) return { value: true };
    if (/^(false|off|no)$/i.test(trimmed)) return { value: false };
    return { reason: `${shown(text)} is not ${expectedOf(name)}` };
  }
  const [, digits = '', suffix = ''] =
    /^([+-]?(?:\d[\d_]*)?(?:\.\d+)?(?:e[+-]?\d+)?) ?(.*)$/i.exec(trimmed) ?? [];
  const factor = factorOf(name, suffix);
  if (!/\d/.test(digits) || factor === undefined)
    return { reason: `${shown(text)} is not ${expectedOf(name)}` };
  const amount = Number(digits.replaceAll('_', '')) * factor;
  // 0.3 GB is meant as 300000000 bytes, whatever binary fractions make of it.
  const checked = checkSetting(name, definition.type === 'bytes' ? Math.round(amount) : amount);
  return 'reason' in checked ? { reason: `${shown(text)} is not ${expectedOf(name)}` } : checked;
}

/** A value for people, with its unit. */
export function formatSetting(name: SettingName, value: AnySettingValue): string {
  const definition = definitionOf(name);
  if (typeof value !== 'number') return typeof value === 'boolean' ? (value ? 'on' : 'off') : value;
  switch (definition.type) {
    case 'bytes':
      return formatBytes(value);
    case 'duration':
      return `${value} ${SHORT[definition.unit]}`;
    case 'integer':
    case 'number':
      return definition.unit === undefined ? String(value) : `${value} ${definition.unit}`;
    default:
      return String(value);
  }
}

/** What a value must be, to follow "is not" or "expected:". */
export function expectedOf(name: SettingName): string {
  const definition = definitionOf(name);
  switch (definition.type) {
    case 'boolean':
      return 'true or false';
    case 'text':
      return definition.expected ?? 'a text';
    case 'choice':
      return `one of ${definition.values.join(', ')}`;
    default: {
      const kind = {
        integer: 'a whole number',
        number: 'a number',
        duration: 'a duration',
        bytes: 'a size',
      }[definition.type];
      return `${kind} from ${formatSetting(name, definition.min)} to ${formatSetting(name, definition.max)}`;
    }
  }
}

function factorOf(name: SettingName, suffix: string): number | undefined {
  const definition = definitionOf(name);
  switch (definition.type) {
    case 'duration': {
      const unit = suffix === '' ? definition.unit : DURATION_SUFFIXES[suffix.toLowerCase()];
      return unit === undefined ? undefined : SECONDS[unit] / SECONDS[definition.unit];
    }
    case 'bytes':
      return Object.entries(BYTES).find(([one]) => one.toLowerCase() === suffix.toLowerCase())?.[1];
    case 'integer':
    case 'number':
      return suffix === '' || suffix.toLowerCase() === definition.unit?.toLowerCase() ? 1 : undefined;
    default:
      return undefined;
  }
}

/** The largest unit in which the number is told in full: six digits before the point at most, and three behind. */
function formatBytes(value: number): string {
  const fitting = Object.entries(BYTES)
    .filter(([unit, size]) => unit !== '' && value >= size && isShort(value / size))
    .sort(([, a], [, b]) => b - a);
  const [unit, size] = fitting[0] ?? ['B', 1];
  return `${value / size} ${unit}`;
}

function isShort(amount: number): boolean {
  return amount < 1e6 && Number(amount.toFixed(3)) === amount;
}

function powers(base: number, units: string[]): Record<string, number> {
  return Object.fromEntries(units.map((unit, index) => [unit, base ** (index + 1)]));
}

const MOST_SHOWN = 60;

/** A refused value, as far as it fits a message. */
function shown(value: unknown): string {
  const text = printable(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > MOST_SHOWN ? `"${text.slice(0, MOST_SHOWN)}…"` : `"${text}"`;
}
