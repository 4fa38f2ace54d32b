import { Option, type Command } from 'commander';
import type { Catalogue } from '../../../core/database/catalogue.js';
import type { Topology } from '../../../core/database/records.js';
import { formatTopology, type DocumentFormat } from '../../../core/topology-document.js';
import { applyTopology, readTopology, switchTopology } from '../../topology.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

interface Flags {
  dataDir?: string;
}

export function registerTopology(program: Command, io: Io): void {
  const topology = program
    .command('topology')
    .summary('sites, locations and routes: show, import, export, switch on and off');
  const inCatalogue = async <T>(flags: Flags, act: (catalogue: Catalogue) => Promise<T>) =>
    withCatalogue(await serversFor(flags, io.environment), act);

  topology
    .command('show')
    .summary('list sites, locations and routes')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags & { json: boolean }) => {
      const found = await inCatalogue(flags, (catalogue) => catalogue.topology());
      io.out(flags.json ? `${JSON.stringify(found, null, 2)}\n` : `${describe(found)}\n`);
    });

  topology
    .command('import <file>')
    .summary('make sites, locations and routes as a YAML or TOML file describes them')
    .description(
      'Adds and changes what the file (.yaml, .yml or .toml) describes, and tells each change. What it does not name stays, unless --prune is given: to take a location or route out of use, set "active: false". Running workers follow within seconds.',
    )
    .option('--dry-run', 'tell what would change, and change nothing', false)
    .option(
      '--prune',
      'remove what the file does not name; refused for what holds copies or has a history',
      false,
    )
    .option(...DATA_DIR)
    .action(async (file: string, flags: Flags & { dryRun: boolean; prune: boolean }) => {
      const wanted = await readTopology(file);
      const changes = await inCatalogue(flags, (catalogue) => applyTopology(catalogue, wanted, flags));
      const told = changes.length === 0 ? ['nothing changes: the topology is as described'] : changes;
      io.out(`${told.join('\n')}\n`);
    });

  topology
    .command('export')
    .summary('write the topology as a document that `import` reads')
    .addOption(
      new Option('--format <format>', 'the kind of document').choices(['yaml', 'toml']).default('yaml'),
    )
    .option(...DATA_DIR)
    .action(async (flags: Flags & { format: DocumentFormat }) => {
      io.out(formatTopology(await inCatalogue(flags, (catalogue) => catalogue.topology()), flags.format));
    });

  registerSwitch(topology, 'location', 'site.location');
  registerSwitch(topology, 'route', 'route');

  function registerSwitch(parent: Command, kind: 'location' | 'route', argument: string): void {
    for (const [verb, active] of [
      ['enable', true],
      ['disable', false],
    ] as const) {
      parent
        .command(`${verb}-${kind} <${argument}>`)
        .summary(
          active
            ? `take a ${kind} into use`
            : `take a ${kind} out of use: what is under way ends, nothing new begins`,
        )
        .option(...DATA_DIR)
        .action(async (name: string, flags: Flags) => {
          await inCatalogue(flags, (catalogue) => switchTopology(catalogue, kind, name, active));
          io.out(`${kind} ${name} is ${active ? 'in use' : 'out of use'}\n`);
        });
    }
  }
}

function describe({ sites, locations, routes }: Topology): string {
  const use = (active: boolean) => (active ? 'in use' : 'out of use');
  const places = locations.map((one) => [
    `${one.site}.${one.name}`,
    one.locationType,
    one.storageType,
    String(one.priority),
    use(one.active),
    one.deletable ? 'yes' : 'no',
    one.path ?? one.bucket ?? '',
  ]);
  const ways = routes.map((one) => [
    one.name,
    [one.origin, ...(one.via === undefined ? [] : [one.via]), one.destination].join(' -> '),
    one.routeType,
    one.transport,
    String(one.priority),
    use(one.active),
  ]);
  return [
    table(
      ['site', 'name'],
      sites.map((one) => [one.shortName, one.name]),
    ),
    table(['location', 'type', 'storage', 'priority', 'state', 'deletable', 'where'], places),
    table(['route', 'way', 'type', 'transport', 'priority', 'state'], ways),
  ].join('\n');
}
