import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSampleObservation } from '../../sample-observation.js';
import { formatBytes } from '../../../core/utilities/format.js';

/**
 * The source of a run without `--source`: a sample observation in the data directory. It is written once: what was
 * archived and freed in an earlier run is not made again.
 *
 * @returns the directory
 */
export async function sampleSource(dataDirectory: string, report: (line: string) => void): Promise<string> {
  const sample = join(dataDirectory, 'sample');
  const directory = join(sample, 'observations');
  const written = join(sample, 'written.json');
  await mkdir(directory, { recursive: true });
  if (existsSync(written)) {
    report(
      'the sample observation was written by an earlier run; another --data-dir begins with a fresh one',
    );
    return directory;
  }
  report('writing a sample observation');
  const { files, bytes } = await writeSampleObservation(directory);
  await writeFile(written, `${JSON.stringify({ files, bytes })}\n`);
  report(`the sample observation has ${files} files, ${formatBytes(bytes)}: ${directory}`);
  return directory;
}
