import {
  ALL_KEYS,
  KEY_NAMES,
  OTHER_VARIABLES,
  PREFIX,
  VARIABLE_PATTERNS,
  type ConfigurationKey,
  type KeyName,
  type KeyValue,
} from './configuration/keys.js';
import { ENVIRONMENTS, readConfigurationFile, type ConfigurationFile } from './configuration/file.js';
import { readSecretFile } from './configuration/secret-file.js';
import { ConfigurationError } from './exceptions.js';
import type { ConfiguredSettings } from './settings-manager.js';
import { isSettingName } from './settings-registry.js';
import { nearest } from './utilities/nearest.js';
import { Secret } from './utilities/secret.js';
import { checkValue, expectedOf, formatValue, parseValue, type AnyValue } from './value-kinds.js';

/** One key as it holds. */
export interface ConfigurationEntry {
  key: string;
  /** With its unit; a secret as `***`; undefined where nothing sets it. */
  shown: string | undefined;
  /** `default`, `<file> [section]`, or a variable. */
  from: string;
}

/** What a process was told at its start: the defaults, over them the file, over it the environment. Frozen. */
export interface Configuration {
  /** Which sections of the file hold besides `[default]`. */
  readonly environment: string | undefined;
  /** The file that was read. */
  readonly file: string | undefined;
  readonly values: { readonly [K in KeyName]: KeyValue<K> };
  /** What holds where the catalogue has no value. */
  readonly settings: Readonly<ConfiguredSettings>;
  /** Every key and setting, for `cdt config show`. */
  readonly entries: readonly ConfigurationEntry[];
  /** The same as variables, with secrets in the clear: for child processes, and for those who look keys up by the names of places. */
  asEnvironment(): NodeJS.ProcessEnv;
}

interface Given {
  value: AnyValue;
  from: string;
}

/** What is wrong, all of it, or the configuration. */
export type ConfigurationOutcome = { configuration: Configuration } | { problems: string[] };

/**
 * Reads the configuration.
 *
 * @param required keys that must be set
 * @throws ConfigurationError that names everything that is wrong: the key, where it stands, and what is expected; never a secret
 */
export function loadConfiguration(
  environment: NodeJS.ProcessEnv,
  required: readonly KeyName[] = [],
): Configuration {
  const outcome = readConfiguration(environment, required);
  if ('configuration' in outcome) return outcome.configuration;
  throw new ConfigurationError(`the configuration is wrong: ${outcome.problems.join('; ')}`, {
    subject: 'configuration',
    advice: 'docs/configuration.md lists every key; `cdt config check` tells whether all is right',
  });
}

/** As {@link loadConfiguration}, with what is wrong as an answer. */
export function readConfiguration(
  environment: NodeJS.ProcessEnv,
  required: readonly KeyName[] = [],
): ConfigurationOutcome {
  const problems: string[] = [];
  const value = (name: string) => environment[name] || undefined;
  const file = readConfigurationFile(value(OTHER_VARIABLES.config), problems);
  const chosen = chooseEnvironment(value(OTHER_VARIABLES.environment), file, problems);
  const given = new Map<string, Given>([
    ...fromDefaults(),
    ...(file === undefined ? [] : fromFile(file, chosen, problems)),
    ...fromVariables(environment, problems),
  ]);
  problems.push(...unknownVariables(environment));
  const placeKeys = secretsOfPlaces(environment, problems);
  for (const key of required)
    if (!given.has(key)) problems.push(`${key}: missing; set ${String(ALL_KEYS.get(key)?.variable)}`);
  if (problems.length > 0) return { problems };
  return { configuration: compose(given, { environment, chosen, file: file?.path, placeKeys }) };
}

function chooseEnvironment(
  variable: string | undefined,
  file: ConfigurationFile | undefined,
  problems: string[],
): string | undefined {
  const name = variable ?? file?.environment;
  const where = variable === undefined ? `${file?.path ?? ''}: environment` : OTHER_VARIABLES.environment;
  const all: readonly string[] = ENVIRONMENTS;
  if (name === undefined) {
    // A guess could make a test machine work on the real archive.
    const sections = new Set(file?.entries.map(({ section }) => section).filter((one) => one !== 'default'));
    if (file !== undefined && sections.size > 0)
      problems.push(
        `${file.path}: it has the sections ${[...sections].join(', ')}; say which holds with ${OTHER_VARIABLES.environment} or --environment`,
      );
  } else if (!all.includes(name)) {
    const near = nearest(name, all);
    problems.push(
      `${where}: "${name}" is not one of ${all.join(', ')}${near ? `; did you mean ${near}?` : ''}`,
    );
  }
  return name;
}

function fromDefaults(): [string, Given][] {
  return [...ALL_KEYS].flatMap(([name, key]) =>
    key.default === undefined ? [] : [[name, { value: key.default, from: 'default' }]],
  );
}

/** The values of `[default]`, and over them those of the environment's section; all sections are checked. */
function fromFile(
  file: ConfigurationFile,
  chosen: string | undefined,
  problems: string[],
): [string, Given][] {
  const found: Record<string, [string, Given][]> = {};
  for (const { section, key: name, value, at } of file.entries) {
    const from = `${file.path} [${section}]`;
    const holds = section === 'default' || section === chosen;
    const told = `${at}: [${section}] ${name}`;
    const secretOf = /^(.*)_file$/.exec(name)?.[1] ?? '';
    const key = ALL_KEYS.get(name);
    if (key === undefined && ALL_KEYS.get(secretOf)?.secret !== undefined) {
      if (typeof value !== 'string') problems.push(`${told}: expected the path of a file`);
      else if (holds) add(section, secretOf, secretFrom(value, ALL_KEYS.get(secretOf), told, problems), from);
    } else if (key === undefined)
      problems.push(`${told}: unknown key${suggestion(name, [...ALL_KEYS.keys()])}`);
    else if (key.secret === 'whole' || (key.secret === 'password' && hasPassword(value)))
      problems.push(`${told}: a secret has no place in this file; set ${key.variable} or ${name}_file`);
    else {
      const checked = checkValue(key, value);
      if ('reason' in checked) problems.push(`${told}: ${checked.reason}`);
      else add(section, name, checked.value, from);
    }
  }
  return [...(found['default'] ?? []), ...(chosen === undefined ? [] : (found[chosen] ?? []))];

  function add(section: string, name: string, value: AnyValue | undefined, from: string): void {
    if (value !== undefined) (found[section] ??= []).push([name, { value, from }]);
  }
}

function fromVariables(environment: NodeJS.ProcessEnv, problems: string[]): [string, Given][] {
  const found: [string, Given][] = [];
  for (const [name, key] of ALL_KEYS) {
    const text = environment[key.variable] || undefined;
    const file = key.secret === undefined ? undefined : environment[`${key.variable}_FILE`] || undefined;
    if (text !== undefined && file !== undefined)
      problems.push(`${key.variable}: set twice, the other time by ${key.variable}_FILE`);
    else if (file !== undefined) {
      const value = secretFrom(file, key, `${key.variable}_FILE`, problems);
      if (value !== undefined) found.push([name, { value, from: `${key.variable}_FILE` }]);
    } else if (text !== undefined) {
      const checked = parseValue(key, text);
      if ('value' in checked) found.push([name, { value: checked.value, from: key.variable }]);
      else problems.push(`${key.variable}: ${key.secret === undefined ? checked.reason : notShown(key)}`);
    }
  }
  return found;
}

function secretFrom(
  path: string,
  key: ConfigurationKey | undefined,
  told: string,
  problems: string[],
): AnyValue | undefined {
  const read = readSecretFile(path);
  if ('reason' in read) problems.push(`${told}: ${read.reason}`);
  else if (key !== undefined && 'reason' in checkValue(key, read.value))
    problems.push(`${told}: ${notShown(key)}`);
  else return read.value;
  return undefined;
}

function notShown(key: ConfigurationKey): string {
  return `what is given (not shown) is not ${expectedOf(key)}`;
}

function hasPassword(value: unknown): boolean {
  return typeof value === 'string' && URL.canParse(value) && new URL(value).password !== '';
}

/** A mistyped variable would be ignored, and its default would hold unseen. */
function unknownVariables(environment: NodeJS.ProcessEnv): string[] {
  const names = [...ALL_KEYS.values()].flatMap((key) =>
    key.secret === undefined ? [key.variable] : [key.variable, `${key.variable}_FILE`],
  );
  const known = new Set<string>([...names, ...Object.values(OTHER_VARIABLES)]);
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX) && !known.has(name))
    .filter((name) => !VARIABLE_PATTERNS.some((pattern) => pattern.test(name.replace(/_FILE$/, ''))))
    .map((name) => `${name}: unknown variable${suggestion(name, [...known])}`);
}

/** The keys of single places that lie in files, by the variables that would hold them. */
function secretsOfPlaces(environment: NodeJS.ProcessEnv, problems: string[]): Record<string, string> {
  const found: Record<string, string> = {};
  const own = new Set([...ALL_KEYS.values()].map((key) => `${key.variable}_FILE`));
  for (const [name, path] of Object.entries(environment)) {
    const variable = name.replace(/_FILE$/, '');
    if (variable === name || own.has(name) || path === undefined || path === '') continue;
    if (!VARIABLE_PATTERNS.some((pattern) => pattern.test(variable))) continue;
    const value = secretFrom(path, undefined, name, problems);
    if (environment[variable]) problems.push(`${variable}: set twice, the other time by ${name}`);
    else if (value !== undefined) found[variable] = String(value);
  }
  return found;
}

function suggestion(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

function compose(
  given: ReadonlyMap<string, Given>,
  of: {
    environment: NodeJS.ProcessEnv;
    chosen: string | undefined;
    file: string | undefined;
    placeKeys: Record<string, string>;
  },
): Configuration {
  const values = KEY_NAMES.map((name) => {
    const value = given.get(name)?.value;
    const secret = ALL_KEYS.get(name)?.secret !== undefined && value !== undefined;
    return [name, secret ? new Secret(String(value)) : value];
  });
  const settings = [...given].filter(([name, { from }]) => isSettingName(name) && from !== 'default');
  const entries = [...ALL_KEYS].map(([name, key]) => {
    const found = given.get(name);
    return { key: name, shown: found && shownValue(key, found.value), from: found?.from ?? 'not set' };
  });
  // A closure, so that printing the object shows no secret.
  const asEnvironment = () => environmentOf(given, of);
  return Object.freeze({
    environment: of.chosen,
    file: of.file,
    values: Object.freeze(Object.fromEntries(values)) as Configuration['values'],
    settings: Object.freeze(Object.fromEntries(settings.map(([name, { value }]) => [name, value]))),
    entries: Object.freeze(entries),
    asEnvironment,
  });
}

function environmentOf(
  given: ReadonlyMap<string, Given>,
  of: { environment: NodeJS.ProcessEnv; chosen: string | undefined; placeKeys: Record<string, string> },
): NodeJS.ProcessEnv {
  const set = new Map<string, string | undefined>(Object.entries({ ...of.environment, ...of.placeKeys }));
  const replaced = new Set(Object.keys(of.placeKeys));
  if (of.chosen !== undefined) set.set(OTHER_VARIABLES.environment, of.chosen);
  for (const [name, { value, from }] of given) {
    const key = ALL_KEYS.get(name);
    if (key === undefined || from === 'default') continue;
    set.set(key.variable, String(value));
    replaced.add(key.variable);
  }
  for (const variable of replaced) set.delete(`${variable}_FILE`);
  return Object.fromEntries(set);
}

function shownValue(key: ConfigurationKey, value: AnyValue): string {
  if (key.secret === 'whole') return '***';
  const text = formatValue(key, value);
  if (key.type !== 'url') return text;
  const url = new URL(text);
  // Passwords stand in the query as well.
  if (url.password !== '') url.password = '***';
  for (const name of [...url.searchParams.keys()]) url.searchParams.set(name, '***');
  return url.password === '' && url.search === '' ? text : url.href;
}
