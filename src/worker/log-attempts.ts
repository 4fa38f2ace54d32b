import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { AttemptLogs } from '../core/attempt-logs.js';
import type { TransferSubject } from '../core/database/catalogue/transfer-logs.js';
import { inContext, workContext } from '../core/decorators.js';

/** Activities of which each attempt has a log of its own, and what it belongs to by their input. */
const LOGGED: Record<string, ((input: never) => { of: TransferSubject; name: string }) | undefined> = {
  transferPackages: ({ dataTransferId }: { dataTransferId: string }) => ({
    of: { dataTransferId },
    name: `data-transfer-${dataTransferId}`,
  }),
  archivePackage: ({
    packageId,
    archive,
  }: {
    packageId: string;
    archive: { site: string; location: string };
  }) => ({
    of: { packageId, archive: { site: archive.site, location: archive.location } },
    name: `long-term-archive-transfer-${packageId}`,
  }),
};

/** Keeps what every attempt of a transfer says, and how it ended. Put it innermost: it tells of errors as they are. */
export function logAttempts(logs: AttemptLogs): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      execute(input, next) {
        const logged = LOGGED[info.activityType]?.(input.args[0] as never);
        if (logged === undefined) return next(input);
        const { attempt, taskQueue } = info;
        const { workflowId = '', runId = '' } = info.workflowExecution ?? {};
        const fields = { workflowId, runId, taskQueue, activity: info.activityType };
        return logs.around({ ...logged, attempt, fields }, ({ note, moved }) => {
          const outer = workContext();
          const onBytes = (bytes: number, route: string) => {
            moved(bytes);
            outer?.onBytes?.(bytes, route);
          };
          return inContext({ fields: outer?.fields ?? {}, onBytes, note }, next)(input);
        });
      },
    },
  });
}
