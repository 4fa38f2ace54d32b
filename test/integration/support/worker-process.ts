import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { s3SettingsFromEnvironment } from '../../../src/core/storage/s3-settings.js';
import type { TemporalLab } from './temporal.js';

const CDT = fileURLToPath(new URL('../../../../bin/cdt.mjs', import.meta.url));

/** Starts `cdt worker` for a site, as a process of its own. */
export type StartWorker = (site: string, words?: string[]) => ChildProcess;

/**
 * Runs a test with real workers on a catalogue and a Temporal namespace; those that still run are killed at its end.
 *
 * @param keysOf the archives, `site.location`, whose keys the workers of a site have; of all where nothing is said
 */
export async function withWorkerProcesses(
  url: string,
  temporal: TemporalLab,
  run: (start: StartWorker) => Promise<void>,
  keysOf?: (site: string) => string[],
): Promise<void> {
  const started: ChildProcess[] = [];
  const { endpoint, accessKeyId, secretAccessKey } = s3SettingsFromEnvironment(process.env);
  const foreign = keysOf === undefined ? /^$/ : /^(CCAT_DATA_TRANSFER_S3|AWS)_/;
  const kept = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  try {
    await run((site, words = []) => {
      const keys = (keysOf?.(site) ?? []).flatMap((archive) => {
        const prefix = `CCAT_DATA_TRANSFER_S3_${archive.toUpperCase().replace('.', '_')}_`;
        return [
          [`${prefix}ACCESS_KEY_ID`, accessKeyId],
          [`${prefix}SECRET_ACCESS_KEY`, secretAccessKey.reveal()],
        ];
      });
      const child = spawn(process.execPath, [CDT, 'worker', '--site', site, ...words], {
        stdio: 'ignore',
        env: {
          ...Object.fromEntries(kept),
          TEMPORAL_NAMESPACE: temporal.client.options.namespace,
          CCAT_DATA_TRANSFER_DATABASE_URL: url,
          CCAT_DATA_TRANSFER_S3_ENDPOINT: endpoint,
          ...(Object.fromEntries(keys) as Record<string, string>),
        },
      });
      started.push(child);
      return child;
    });
  } finally {
    await Promise.all(started.map((child) => killed(child)));
  }
}

/** Kills a process as `kill -9` does, and waits until it is gone. */
export async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
