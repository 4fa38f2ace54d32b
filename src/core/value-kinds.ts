import { printable } from './utilities/printable.js';

/** Kinds of values that people write (`50GB`, `24h`, `90 s`, `on`): how each is checked, read and told back. */

/** Units of a duration; its value is a number of them. */
export type DurationUnit = 'seconds' | 'minutes' | 'hours' | 'days';

export type ValueKind =
  | { type: 'integer' | 'number'; min: number; max: number; unit?: string }
  | { type: 'duration'; min: number; max: number; unit: DurationUnit }
  | { type: 'bytes'; min: number; max: number }
  | { type: 'boolean' }
  /** `expected` says what the pattern asks for, in words. */
  | { type: 'text'; pattern?: RegExp; expected?: string }
  | { type: 'choice'; values: readonly string[] }
  | { type: 'url'; protocols: readonly string[] };

/** Kinds of numbers, with the least and the most that they may be. */
export const integer = (unit: string, min: number, max: number) =>
  ({ type: 'integer', unit, min, max }) as const;
export const percent = (min: number, max: number) => ({ type: 'number', unit: '%', min, max }) as const;
export const bytes = (min: number, max: number) => ({ type: 'bytes', min, max }) as const;
export const seconds = (min: number, max: number) => duration('seconds', min, max);
export const minutes = (min: number, max: number) => duration('minutes', min, max);
export const hours = (min: number, max: number) => duration('hours', min, max);
export const days = (min: number, max: number) => duration('days', min, max);

export type AnyValue = number | string | boolean;

/** A value, or why it is none. */
export type Checked = { value: AnyValue } | { reason: string };

const SECONDS: Record<DurationUnit, number> = { seconds: 1, minutes: 60, hours: 3600, days: 86_400 };

const SHORT: Record<DurationUnit, string> = { seconds: 's', minutes: 'min', hours: 'h', days: 'd' };

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

/** Checks a value that has a type already, as the catalogue and a TOML file give it; a text for a number is read as {@link parseValue} does. */
export function checkValue(kind: ValueKind, value: unknown): Checked {
  const isText = kind.type === 'text' || kind.type === 'choice' || kind.type === 'url';
  if (typeof value === 'string' && !isText) return parseValue(kind, value);
  return isOf(kind, value) ? { value: value as AnyValue } : refused(kind, value);
}

/** Reads a value as a person writes it. A number without a unit is in the kind's own. */
export function parseValue(kind: ValueKind, text: string): Checked {
  const trimmed = text.trim();
  switch (kind.type) {
    case 'text':
    case 'choice':
    case 'url':
      return isOf(kind, trimmed) ? { value: trimmed } : refused(kind, text);
    case 'boolean':
      if (/^(true|on|yes)$/i.test(trimmed)) return { value: true };
      return /^(false|off|no)$/i.test(trimmed) ? { value: false } : refused(kind, text);
    default: {
      const parts = /^([+-]?(?:\d[\d_]*)?(?:\.\d+)?(?:e[+-]?\d+)?) ?(.*)$/i.exec(trimmed);
      const [, digits = '', suffix = ''] = parts ?? [];
      const factor = factorOf(kind, suffix);
      if (!/\d/.test(digits) || factor === undefined) return refused(kind, text);
      const amount = Number(digits.replaceAll('_', '')) * factor;
      // 0.3 GB is meant as 300000000 bytes, whatever binary fractions make of it.
      const value = kind.type === 'bytes' ? Math.round(amount) : amount;
      return isOf(kind, value) ? { value } : refused(kind, text);
    }
  }
}

/** A value for people, with its unit. */
export function formatValue(kind: ValueKind, value: AnyValue): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (typeof value === 'string') return value;
  switch (kind.type) {
    case 'bytes':
      return formatBytes(value);
    case 'duration':
      return `${value} ${SHORT[kind.unit]}`;
    case 'integer':
    case 'number':
      return kind.unit === undefined ? String(value) : `${value} ${kind.unit}`;
    default:
      return String(value);
  }
}

/** What a value must be, to follow "is not" or "expected". */
export function expectedOf(kind: ValueKind): string {
  switch (kind.type) {
    case 'boolean':
      return 'true or false';
    case 'text':
      return kind.expected ?? 'a text';
    case 'choice':
      return `one of ${kind.values.join(', ')}`;
    case 'url':
      return `a URL ${kind.protocols.map((one) => `${one}://…`).join(' or ')}`;
    default: {
      const names = {
        integer: 'a whole number',
        number: 'a number',
        duration: 'a duration',
        bytes: 'a size',
      };
      return `${names[kind.type]} from ${formatValue(kind, kind.min)} to ${formatValue(kind, kind.max)}`;
    }
  }
}

function duration<Unit extends DurationUnit>(unit: Unit, min: number, max: number) {
  return { type: 'duration', unit, min, max } as const;
}

function isOf(kind: ValueKind, value: unknown): boolean {
  switch (kind.type) {
    case 'boolean':
      return typeof value === 'boolean';
    case 'text':
      return typeof value === 'string' && (kind.pattern?.test(value) ?? true);
    case 'choice':
      return typeof value === 'string' && kind.values.includes(value);
    case 'url':
      return (
        typeof value === 'string' &&
        URL.canParse(value) &&
        kind.protocols.includes(new URL(value).protocol.slice(0, -1))
      );
    default: {
      const whole = kind.type === 'integer' || kind.type === 'bytes';
      return (
        typeof value === 'number' &&
        value >= kind.min &&
        value <= kind.max &&
        (!whole || Number.isSafeInteger(value))
      );
    }
  }
}

function refused(kind: ValueKind, value: unknown): { reason: string } {
  return { reason: `${shown(value)} is not ${expectedOf(kind)}` };
}

function factorOf(kind: ValueKind, suffix: string): number | undefined {
  switch (kind.type) {
    case 'duration': {
      const unit = suffix === '' ? kind.unit : DURATION_SUFFIXES[suffix.toLowerCase()];
      return unit === undefined ? undefined : SECONDS[unit] / SECONDS[kind.unit];
    }
    case 'bytes':
      return Object.entries(BYTES).find(([one]) => one.toLowerCase() === suffix.toLowerCase())?.[1];
    case 'integer':
    case 'number':
      return suffix === '' || suffix.toLowerCase() === kind.unit?.toLowerCase() ? 1 : undefined;
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
