import type { Command } from 'commander';
import { ConfigurationError } from '../../../core/exceptions.js';
import { CHECKSUMS } from '../../../core/storage/checksums.js';
import { s3SettingsFromEnvironment } from '../../../core/storage/s3-settings.js';
import {
  capabilityConcerns,
  modeFor,
  type StoreCapabilities,
} from '../../../core/storage/store-capabilities.js';
import { environmentFor, readAddresses } from '../../embedded/addresses.js';
import { dataDirectoryOf } from '../directories.js';
import { shortTime } from '../../../core/utilities/format.js';
import { table } from '../display/tables.js';
import type { Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { DATA_DIR, JSON_OUTPUT, placeOf, serversFor } from './options.js';

interface Flags {
  json: boolean;
  dataDir?: string;
}

/** `cdt store`: what the S3 stores can do, and how we work with each. */
export function registerStore(program: Command, io: Io): void {
  const group = program.command('store').summary('what the S3 stores can do, and how we work with each');
  group
    .command('list')
    .summary('list what was found of each store, and when')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: Flags) => {
      const stores = await withCatalogue(await serversFor(flags, io.environment), (catalogue) =>
        catalogue.stores.all(),
      );
      if (flags.json) {
        io.out(`${JSON.stringify(stores, null, 2)}\n`);
        return;
      }
      if (stores.length === 0) {
        io.out('no store was probed yet: that is done when one is first used\n');
        return;
      }
      const rows = stores.map((one) => [
        one.location,
        one.store,
        shortTime(one.probedAt),
        modeFor(one.capabilities).checksum ?? 'none',
        one.contradiction === undefined
          ? judged(one.capabilities).join('; ')
          : `asked anew soon: ${one.contradiction}`,
      ]);
      io.out(
        `${table(['location', 'store', 'probed (UTC)', 'checks', 'what to know'], rows, { widths: { 4: 60 } })}\n`,
      );
    });
  group
    .command('probe <site.location>')
    .summary('find out now what a store can do')
    .description(
      'Puts a few small objects into the store, some with wrong checksums, and removes them. The keys are those of the environment, or of the system that runs here.',
    )
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (name: string, flags: Flags) => {
      // Not for every command: the SDK of the stores takes longer to load than most commands to run.
      const { KnownAbilities } = await import('../../../activities/store-abilities.js');
      const { makeLogger } = await import('../../../core/logging.js');
      const place = placeOf(name);
      const running = await readAddresses(dataDirectoryOf(flags.dataDir, io.environment));
      const environment = { ...(running === undefined ? {} : environmentFor(running)), ...io.environment };
      const able = await withCatalogue(await serversFor(flags, io.environment), async (catalogue) => {
        const location = await catalogue.location(place.site, place.location);
        if (location.bucket === undefined)
          throw new ConfigurationError(`${name} is no S3 store`, { subject: name });
        const s3 = s3SettingsFromEnvironment(environment, location);
        const reach = { ...s3, endpoint: location.endpoint ?? s3.endpoint, bucket: location.bucket };
        const log = makeLogger({ level: 'error', format: 'text' });
        return await new KnownAbilities(catalogue, location, reach, log).probe();
      });
      io.out(flags.json ? `${JSON.stringify(able, null, 2)}\n` : `${describe(able)}\n`);
    });
}

function describe(able: StoreCapabilities): string {
  const yes = (value: boolean | undefined) => (value === undefined ? 'not told' : value ? 'yes' : 'no');
  const rows = [
    ...CHECKSUMS.map((name) => [
      name,
      able.checksums[name],
      `in parts: ${able.multipart.checksums[name].join(', ') || 'no'}`,
    ]),
    ['Content-MD5', able.contentMd5, ''],
    ['signed body', able.signedPayload, `not signed: ${yes(able.unsignedPayload)}`],
    [
      "the SDK's own checksums",
      yes(able.sdkDefaults.header),
      `behind a stream: ${yes(able.sdkDefaults.trailer)}`,
    ],
    ['refuses to overwrite', yes(able.conditionalPut), `in parts: ${yes(able.conditionalComplete)}`],
    ['uploads in parts', yes(able.multipart.works), `tells its parts: ${yes(able.multipart.lists)}`],
    [
      'smallest part',
      String(able.multipart.minPartBytes),
      `most parts: ${able.multipart.maxParts ?? 'more than 10000'}`,
    ],
    ['ranges', yes(able.ranges), ''],
    ['versioning', yes(able.versioning), `object lock: ${yes(able.objectLock)}`],
  ];
  return [table(['what', 'found', ''], rows), ...judged(able)].join('\n');
}

function judged(able: StoreCapabilities): string[] {
  const concerns = capabilityConcerns(able);
  return concerns.length > 0 ? concerns : ['it does all that we wish'];
}
