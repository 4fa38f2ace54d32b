import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Location } from '../../../core/database/records.js';
import { needsScan } from '../../../core/policy/completion.js';
import { runPlanner } from '../../planners.js';
import { shortMessage } from '../../errors.js';
import type { Observer } from './observer.js';
import { isAborted, untilAborted } from './reaching.js';

/**
 * Has the source looked through, at first and as long as files of it are not settled; from then on its schedule does it.
 * A failure is remembered as the reason why nothing goes on, and the next look comes after the pause. Ends with the signal.
 */
export async function keepScanning(
  client: Client,
  source: Location,
  observer: Observer,
  options: { quietSeconds: number; signal: AbortSignal; report: (line: string) => void },
): Promise<void> {
  const { quietSeconds, signal, report } = options;
  let told = '';
  while (!signal.aborted) {
    const startedAt = Date.now();
    if (needsScan(observer.situation())) {
      try {
        const planned = await untilAborted(client, signal, () =>
          runPlanner(client, 'raw_data_package_creation', source, { quietSeconds }),
        );
        if (planned.scan !== undefined) observer.scanned(planned.scan);
      } catch (error) {
        if (isAborted(signal)) return;
        observer.scanFailed(error);
        const words = shortMessage(error);
        if (words !== told) report(`looking through the source failed: ${words}`);
        told = words;
      }
    }
    // A large source takes long to walk: it is given as much rest as the walk took.
    const pause = Math.max(500, (quietSeconds * 1000) / 2, Date.now() - startedAt);
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}
