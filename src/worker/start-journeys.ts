import {
  isGrpcServiceError,
  ServiceError,
  WorkflowExecutionAlreadyStartedError,
  type Client,
} from '@temporalio/client';
import type { JourneyOrders, StartJourneys } from '../activities/journey-orders.js';
import { ConfigurationError, ServiceUnavailableError } from '../core/exceptions.js';
import { atOnce } from '../core/utilities/at-once.js';
import { statusPasses } from '../core/utilities/grpc-status.js';
import {
  dataTransferJourney,
  deletionJourney,
  longTermArchiveTransferJourney,
  rawDataPackageCreationJourney,
  type JourneyStart,
} from '../workflows/journeys.js';

const JOURNEYS: { [K in keyof JourneyOrders]: (order: JourneyOrders[K]) => JourneyStart } = {
  raw_data_package_creation: rawDataPackageCreationJourney,
  data_transfer: dataTransferJourney,
  long_term_archive_transfer: longTermArchiveTransferJourney,
  deletion: deletionJourney,
};

/** Calls to the server at a time. */
const AT_ONCE = 5;

/** {@link StartJourneys} by a client: a planner's history has no event for each of them then. */
export function startJourneys(client: Client): StartJourneys {
  return async (operation, orders) => {
    const failures: { workflowId: string; error: unknown }[] = [];
    await atOnce(orders.map(JOURNEYS[operation]), AT_ONCE, async (journey) => {
      try {
        await start(client, journey);
      } catch (error) {
        failures.push({ workflowId: journey.workflowId, error });
      }
    });
    const [first] = failures;
    if (first === undefined) return;
    const lasting = failures.every(({ error }) => isLasting(error));
    const Failure = lasting ? ConfigurationError : ServiceUnavailableError;
    throw new Failure(
      `${failures.length} of ${orders.length} journeys could not be started; ${first.workflowId}: ${String(first.error)}`,
      {
        operation,
        subject: first.workflowId,
        advice: lasting
          ? 'The Temporal server refuses them; `cdt migrate` registers what it has to know.'
          : 'It is tried again by itself. If it stays so, see whether the Temporal server is well.',
        context: { workflowIds: failures.slice(0, 10).map(({ workflowId }) => workflowId) },
        cause: first.error,
      },
    );
  };
}

/** The same as `workflows/start.ts` does for a child: workflow IDs come from the catalogue's keys, so the same work started twice is one workflow. */
async function start(client: Client, journey: JourneyStart): Promise<void> {
  const { workflowType, workflowId, taskQueue, input, typedSearchAttributes, staticSummary, repeatable } =
    journey;
  try {
    await client.workflow.start(workflowType, {
      workflowId,
      taskQueue,
      args: [input],
      typedSearchAttributes,
      staticSummary,
      workflowIdConflictPolicy: 'FAIL',
      workflowIdReusePolicy: repeatable ? 'ALLOW_DUPLICATE' : 'ALLOW_DUPLICATE_FAILED_ONLY',
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

function isLasting(error: unknown): boolean {
  if (isGrpcServiceError(error)) return !statusPasses(error.code);
  return error instanceof ServiceError && isLasting(error.cause);
}
