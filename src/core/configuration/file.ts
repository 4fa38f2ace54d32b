import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import { nearest } from '../utilities/nearest.js';

/** The configuration file: a TOML document with the sections `[default]`, `[localdev]`, `[staging]`, `[production]`. */

export const ENVIRONMENTS = ['localdev', 'staging', 'production'] as const;
const SECTIONS: readonly string[] = ['default', ...ENVIRONMENTS];

/** Where a file is looked for when none is named. */
const PLACES = ['ccat-data-transfer.toml', '/etc/ccat-data-transfer/config.toml'];

/** One value in the file. */
export interface FileEntry {
  section: string;
  /** `group.name` */
  key: string;
  value: unknown;
  /** Where it stands: `file:line`. */
  at: string;
}

export interface ConfigurationFile {
  path: string;
  /** The environment that the file itself names. */
  environment?: string;
  entries: FileEntry[];
}

/** The file that is named, else the first that exists; undefined when there is none. Names what is wrong in `problems`. */
export function readConfigurationFile(
  named: string | undefined,
  problems: string[],
): ConfigurationFile | undefined {
  const path = named ?? PLACES.find((place) => existsSync(place));
  if (path === undefined) return undefined;
  try {
    return parseConfigurationFile(readFileSync(path, 'utf8'), resolve(path), problems);
  } catch (error) {
    problems.push(`${path}: can't be read (${String((error as NodeJS.ErrnoException).code)})`);
    return undefined;
  }
}

/** Splits a document into its values; what no configuration has is named in `problems`. */
export function parseConfigurationFile(text: string, path: string, problems: string[]): ConfigurationFile {
  let document: Record<string, unknown>;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The parser's further lines quote the document, which may hold a password.
    const [reason = ''] = error.message.split('\n');
    problems.push(`${path}:${error.line}: ${reason}`);
    return { path, entries: [] };
  }
  const file: ConfigurationFile = { path, entries: [] };
  for (const [section, content] of Object.entries(document)) {
    const at = place(text, path, section);
    if (section === 'environment') {
      if (typeof content === 'string') file.environment = content;
      else problems.push(`${at}: environment: expected one of ${ENVIRONMENTS.join(', ')}`);
    } else if (!SECTIONS.includes(section)) {
      const near = nearest(section, SECTIONS);
      const hint = near === undefined ? `; there are ${SECTIONS.join(', ')}` : `; did you mean [${near}]?`;
      problems.push(`${at}: ${section}: no such section${hint}`);
    } else if (!isTable(content)) problems.push(`${at}: ${section}: expected a section`);
    else
      for (const [key, value] of leaves(content))
        file.entries.push({ section, key, value, at: place(text, path, `${section}.${key}`) });
  }
  return file;
}

/** Everything in a table that is none itself, by its dotted name. */
function* leaves(table: Record<string, unknown>, prefix = ''): Generator<[string, unknown]> {
  for (const [name, value] of Object.entries(table)) {
    if (isTable(value)) yield* leaves(value, `${prefix}${name}.`);
    else yield [`${prefix}${name}`, value];
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** `file:line` of a dotted name, or the file alone where the name is written in a way that is not looked for. */
function place(text: string, path: string, name: string): string {
  let header = '';
  for (const [index, line] of text.split('\n').entries()) {
    const table = /^\s*\[\s*([^\]]+?)\s*\]/.exec(line)?.[1];
    if (table !== undefined) header = `${plain(table)}.`;
    const key = /^\s*([\w."'\s-]+?)\s*=/.exec(line)?.[1];
    const here = key === undefined ? header.slice(0, -1) : `${header}${plain(key)}`;
    // A table within a line holds the names that begin with its own.
    const inline = key !== undefined && /=\s*\{/.test(line) && name.startsWith(`${here}.`);
    if (here === name || inline || (table !== undefined && here.startsWith(`${name}.`)))
      return `${path}:${index + 1}`;
  }
  return path;
}

function plain(dotted: string): string {
  return dotted.replaceAll(/["'\s]/g, '');
}
