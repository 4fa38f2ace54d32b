import { CancelledFailure } from '@temporalio/common';
import type { Info } from '@temporalio/activity';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { ApplicationFailure } from '@temporalio/common';
import { inContext, timed, type Timing } from '../core/decorators.js';
import { CCATDataOperationError } from '../core/exceptions.js';
import type { InfluxWriter } from '../core/influx.js';
import type { Metrics } from '../core/metrics.js';
import { parseTaskQueue } from '../core/queue-discovery.js';
import { calculateTransferRate } from '../core/utilities/transfer-rate.js';

/**
 * Around every activity: its identifiers in every log line, its time, bytes and end in the metrics. Put it outermost, so that it
 * sees failures as Temporal does.
 */
export function observeActivities(
  metrics: Metrics,
  influx: InfluxWriter | undefined,
  site: string,
): ActivityInterceptorsFactory {
  return ({ info }) => {
    const fields = logFields(info, site);
    const place = placeOf(info, site);
    return {
      inbound: {
        async execute(input, next) {
          const bytes = new Map<string, number>();
          const onBytes = (more: number, route: string) => {
            bytes.set(route, (bytes.get(route) ?? 0) + more);
            metrics.bytesMoved.inc({ ...place, route }, more);
          };
          if (info.attempt > 1) metrics.operationRetries.inc({ ...place, activity: info.activityType });
          metrics.operationsInProgress.inc(place);
          const observed = timed((timing) => report(timing, bytes), inContext({ fields, onBytes }, next));
          try {
            return await observed(input);
          } finally {
            metrics.operationsInProgress.dec(place);
          }
        },
      },
      outbound: { getLogAttributes: (_input, next) => next({ ...fields }) },
    };

    function report(timing: Timing, bytes: Map<string, number>): void {
      const activity = info.activityType;
      const outcome = outcomeOf(timing);
      metrics.operationDuration.observe({ ...place, activity, outcome }, timing.seconds);
      if (outcome === 'failed' && timing.outcome === 'failed')
        metrics.operationFailures.inc({ ...place, activity, error_class: classOf(timing.error) });
      for (const [route, moved] of bytes)
        if (outcome === 'completed' && moved > 0 && timing.seconds > 0)
          metrics.operationRate.observe({ ...place, route }, calculateTransferRate(moved, timing.seconds));
      const moved = [...bytes.values()].reduce((sum, one) => sum + one, 0);
      influx?.write({
        measurement: place.operation,
        tags: { site: place.site, location: place.location, activity, outcome },
        fields: {
          duration_seconds: timing.seconds,
          bytes: BigInt(Math.round(moved)),
          rate_bytes_per_second: calculateTransferRate(moved, timing.seconds),
          attempt: BigInt(info.attempt),
        },
      });
    }
  };
}

/** Labels are bounded: what runs beside the catalogue belongs to no location. */
function placeOf(info: Info, site: string): { site: string; location: string; operation: string } {
  return parseTaskQueue(info.taskQueue) ?? { site, location: '', operation: 'catalogue' };
}

function logFields(info: Info, site: string): Record<string, string | number> {
  const { operation, site: place } = placeOf(info, site);
  return {
    workflowId: info.workflowExecution?.workflowId ?? '',
    runId: info.workflowExecution?.runId ?? '',
    activityId: info.activityId,
    activityType: info.activityType,
    attempt: info.attempt,
    taskQueue: info.taskQueue,
    operation,
    site: place,
  };
}

function outcomeOf(timing: Timing): 'completed' | 'failed' | 'cancelled' {
  if (timing.outcome === 'completed') return 'completed';
  const { error } = timing;
  return error instanceof CancelledFailure || (error instanceof Error && error.name === 'AbortError')
    ? 'cancelled'
    : 'failed';
}

/** A class of ours, or one name for everything else: a label must not take just any value. */
function classOf(error: unknown): string {
  if (error instanceof CCATDataOperationError) return error.name;
  if (error instanceof ApplicationFailure && /^[A-Za-z]{1,60}$/.test(error.type ?? ''))
    return error.type ?? '';
  return 'unclassified';
}
