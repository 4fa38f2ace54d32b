import type { Command } from 'commander';
import type { Catalogue } from '../../../core/database/catalogue.js';
import { terminalWidth } from '../display/screen.js';
import { packageTable } from '../display/tables.js';
import type { Io } from '../io.js';
import { withCatalogue } from '../stack-access.js';
import { packageDocument, type PackageDocument } from '../up/document.js';
import { DATA_DIR, JSON_OUTPUT, serversFor } from './options.js';

export function registerPackages(program: Command, io: Io): void {
  program
    .command('packages')
    .summary('list the packages and where the archive keeps them')
    .option(...JSON_OUTPUT, false)
    .option(...DATA_DIR)
    .action(async (flags: { json: boolean; dataDir?: string }) => {
      const packages = await withCatalogue(await serversFor(flags, io.environment), allPackages);
      if (flags.json) io.out(`${JSON.stringify(packages, null, 2)}\n`);
      else
        io.out(
          packages.length === 0
            ? 'there are no packages yet\n'
            : `${packageTable(packages, terminalWidth(process.stdout))}\n`,
        );
    });
}

async function allPackages(catalogue: Catalogue): Promise<PackageDocument[]> {
  const sources = (await catalogue.locations()).filter((one) => one.locationType === 'source');
  const packages: PackageDocument[] = [];
  for (const source of sources)
    packages.push(...(await catalogue.packagesOfSource(source.id)).map(packageDocument));
  return packages;
}
