import type { Command } from 'commander';
import { loadConfiguration } from '../../../core/configuration.js';
import type { Catalogue } from '../../../core/database/catalogue.js';
import type { SettingChange } from '../../../core/database/catalogue/settings.js';
import { unknownSetting } from '../../../core/database/settings-catalogue.js';
import { ConfigurationError } from '../../../core/exceptions.js';
import { placeName, type SettingPlace } from '../../../core/settings-manager.js';
import { definitionOf, isSettingName, variableOf } from '../../../core/settings-registry.js';
import { printable } from '../../../core/utilities/printable.js';
import { expectedOf, formatValue, type AnyValue } from '../../../core/value-kinds.js';
import { describeSettings, setSetting, unsetSetting, type SettingDescription } from '../../settings.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { operatorName } from '../../operator-name.js';
import { withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface Flags {
  dataDir?: string;
  site?: string;
  location?: string;
}

const SITE = ['--site <site>', 'the value that holds at this site'] as const;
const LOCATION = ['--location <location>', 'the value that holds at this location of the site'] as const;
const NOTE = ['--note <text>', 'why; kept in the history with your name'] as const;

/** `cdt settings`: what operators change while the system runs. */
export function registerSettings(program: Command, io: Io): void {
  const group = program
    .command('settings')
    .summary('list and change what may be changed while the system runs');
  const inCatalogue = async <T>(flags: Flags, act: (catalogue: Catalogue) => Promise<T>) =>
    withCatalogue(await serversFor(flags, io.environment), act);
  const described = (flags: Flags) =>
    inCatalogue(flags, (catalogue) =>
      describeSettings(catalogue, placeOf(flags), loadConfiguration(io.environment).settings),
    );

  group
    .command('list')
    .summary('every setting, its value, and what gave it')
    .option(...SITE)
    .option(...LOCATION)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags & { json: boolean }) => {
      const settings = await described(flags);
      if (flags.json) io.out(`${JSON.stringify(settings, null, 2)}\n`);
      else io.out(`${listing(settings)}\n`);
    });

  group
    .command('show <name>')
    .summary('one setting: what it means, what it may be, and its value at every place')
    .option(...SITE)
    .option(...LOCATION)
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (name: string, flags: Flags & { json: boolean }) => {
      const found = (await described(flags)).find((one) => one.name === name);
      if (found === undefined) throw unknownSetting(name);
      if (flags.json) io.out(`${JSON.stringify(found, null, 2)}\n`);
      else io.out(`${details(found, placeOf(flags)).map(printable).join('\n')}\n`);
    });

  group
    .command('set <name> <value>')
    .summary('change a setting: everywhere, at a site, or at a location')
    .description(
      'Workers go by the new value within seconds. A value may have a unit: 50GB, 24h, 90s; the narrowest place holds.',
    )
    .option(...SITE)
    .option(...LOCATION)
    .option(...NOTE)
    .option(...DATA_DIR)
    .action(async (name: string, value: string, flags: Flags & { note?: string }) => {
      const change = await inCatalogue(flags, (catalogue) =>
        setSetting(catalogue, name, value, placeOf(flags), {
          by: operatorName(),
          note: flags.note || undefined,
        }),
      );
      io.out(change === undefined ? `${name} has that value already\n` : `${sentence(change)}\n`);
    });

  group
    .command('unset <name>')
    .summary('take a value away: the next wider one holds, in the end the default')
    .option(...SITE)
    .option(...LOCATION)
    .option(...NOTE)
    .option(...DATA_DIR)
    .action(async (name: string, flags: Flags & { note?: string }) => {
      const place = placeOf(flags);
      const change = await inCatalogue(flags, (catalogue) =>
        unsetSetting(catalogue, name, place, { by: operatorName(), note: flags.note || undefined }),
      );
      if (change === undefined && !isSettingName(name)) throw unknownSetting(name);
      io.out(
        change === undefined
          ? `${name} has no value of its own there (${placeName(place)})\n`
          : `${sentence(change)}\n`,
      );
    });

  group
    .command('history [name]')
    .summary('who changed what, when and why, latest first')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (name: string | undefined, flags: Flags & { json: boolean }) => {
      const changes = await inCatalogue(flags, (catalogue) => catalogue.settings.history(name));
      if (name !== undefined && changes.length === 0 && !isSettingName(name)) throw unknownSetting(name);
      if (flags.json) io.out(`${JSON.stringify(changes, null, 2)}\n`);
      else if (changes.length === 0) io.out('nobody changed anything\n');
      else io.out(`${changes.map((one) => printable(historyLine(one))).join('\n')}\n`);
    });
}

function placeOf({ site, location }: Flags): SettingPlace {
  if (location !== undefined && site === undefined)
    throw new ConfigurationError(`--location ${location} needs --site`, {
      subject: location,
      advice: 'Locations of several sites may share a name.',
    });
  return { ...(site === undefined ? {} : { site }), ...(location === undefined ? {} : { location }) };
}

function listing(settings: SettingDescription[]): string {
  const rows = settings.map((one) => [
    one.name,
    one.shown,
    one.from,
    one.given
      .filter(({ place }) => place !== 'global')
      .map(({ place, value }) => `${place}: ${valueText(one.name, value as AnyValue)}`)
      .join(', '),
    one.description,
  ]);
  return table(['setting', 'value', 'from', 'elsewhere', 'meaning'], rows, { widths: { 4: 60 } });
}

function details(one: SettingDescription, place: SettingPlace): string[] {
  const definition = definitionOf(one.name);
  return [
    `${one.name}: ${one.description}`,
    `  value     ${one.shown} at ${placeName(place)} (from: ${one.from})`,
    ...one.given.map(
      (given) => `  set       ${valueText(one.name, given.value as AnyValue)} at ${given.place}`,
    ),
    `  default   ${formatValue(definition, one.default)}`,
    `  may be    ${expectedOf(definition)}`,
    `  variable  ${variableOf(one.name)}, or ${one.name} in the configuration file`,
  ];
}

function sentence(change: SettingChange): string {
  const now =
    change.newValue === null ? 'is not set any more' : `is ${valueText(change.name, change.newValue)}`;
  const before = change.oldValue === null ? 'was not set' : `was ${valueText(change.name, change.oldValue)}`;
  return printable(`${change.name} ${now} at ${placeName(change)} (${before})`);
}

function historyLine(change: SettingChange): string {
  return `${change.at}  ${change.by}  ${sentence(change)}${change.note === undefined ? '' : `  ${change.note}`}`;
}

function valueText(name: string, value: AnyValue): string {
  return isSettingName(name) ? formatValue(definitionOf(name), value) : String(value);
}
