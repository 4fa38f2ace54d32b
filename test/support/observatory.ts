import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { archivedKeys } from './read-archive.js';

/** What can be seen from outside, on the disks of a data directory, while a command works or after it. */
export class DataDirectory {
  private readonly listings = new Map<string, number>();

  constructor(readonly path: string) {}

  get objects(): string {
    return join(this.path, 's3');
  }

  get buckets(): string[] {
    if (!existsSync(this.objects)) return [];
    const entries = readdirSync(this.objects, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map((entry) => entry.name);
  }

  /** Paths of the package objects in all buckets, sorted. */
  packageObjects(): string[] {
    return this.buckets
      .flatMap((bucket) => archivedKeys(this.objects, bucket).map((key) => join(this.objects, bucket, key)))
      .sort();
  }

  /** Regular files in all packages of the archive, as `tar` counts them. Objects never change, so each is listed once. */
  archivedFiles(): number {
    const counts = this.packageObjects().map((object) => {
      const known = this.listings.get(object) ?? countFilesInTar(object);
      this.listings.set(object, known);
      return known;
    });
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Everything that lies in the buffers of all sites, but what says whose they are. */
  buffered(): string[] {
    const sites = join(this.path, 'sites');
    if (!existsSync(sites)) return [];
    return readdirSync(sites, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.name.startsWith('.cdt-'))
      .map((entry) => join(entry.parentPath, entry.name));
  }

  /** What the commands of a data directory tell each other about its servers. */
  addresses(): Addresses {
    return JSON.parse(readFileSync(join(this.path, 'run', 'addresses.json'), 'utf8')) as Addresses;
  }
}

export interface Addresses {
  temporal: { address: string; namespace: string; uiUrl: string };
  databaseUrl: string;
  s3: { endpoint: string; region: string; accessKeyId: string; secretAccessKey: string; root: string };
}

/** Plain files of these relative paths, each of its own content. */
export function writeFiles(root: string, paths: string[], bytes = 20_000): void {
  for (const path of paths) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.alloc(bytes, `${path}\n`));
  }
}

function countFilesInTar(object: string): number {
  const lines = execFileSync('tar', ['-tvf', object], { maxBuffer: 2 ** 28, encoding: 'utf8' }).split('\n');
  return lines.filter((line) => line.startsWith('-') && line.includes('/data/')).length;
}
