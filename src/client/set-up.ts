import { ScheduleAlreadyRunning, ScheduleOverlapPolicy, type Client } from '@temporalio/client';
import type { Catalogue } from '../core/database/catalogue.js';
import { operationsOf } from '../core/operation-types.js';
import { WORKFLOW_QUEUE } from '../core/queue-discovery.js';
import { isPlannerId, plannerOf, type Planner } from '../workflows/planners.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';

/** The server's numbers for the types of search attributes (temporal/api/enums/v1/common.proto, IndexedValueType). */
const INDEXED_VALUE_TYPES = {
  TEXT: 1,
  KEYWORD: 2,
  INT: 3,
  DOUBLE: 4,
  BOOL: 5,
  DATETIME: 6,
  KEYWORD_LIST: 7,
} as const;

/** Makes a Temporal namespace ready: search attributes, and a schedule for every planner that the topology needs, none else. Safe to repeat. */
export async function setUpTemporal(
  client: Client,
  catalogue: Catalogue,
  options: { planEverySeconds?: number } = {},
): Promise<void> {
  await registerSearchAttributes(client);
  const wanted = await planners(catalogue);
  for (const planner of wanted) await ensureSchedule(client, planner, options.planEverySeconds ?? 60);
  await removeOtherSchedules(client, new Set(wanted.map((planner) => planner.id)));
}

/** A location that was switched off or removed is planned for no more. */
async function removeOtherSchedules(client: Client, wanted: Set<string>): Promise<void> {
  for await (const { scheduleId } of client.schedule.list()) {
    if (isPlannerId(scheduleId) && !wanted.has(scheduleId))
      await client.schedule.getHandle(scheduleId).delete();
  }
}

/** Registers the search attributes that are missing in the namespace. */
export async function registerSearchAttributes(client: Client): Promise<void> {
  const { namespace } = client.options;
  const { operatorService } = client.connection;
  const known = await operatorService.listSearchAttributes({ namespace });
  const missing = SEARCH_ATTRIBUTES.filter((key) => !Object.hasOwn(known.customAttributes, key.name));
  if (missing.length === 0) return;
  await operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((key) => [key.name, INDEXED_VALUE_TYPES[key.type]])),
  });
}

async function planners(catalogue: Catalogue): Promise<Planner[]> {
  const active = (await catalogue.locations()).filter((location) => location.active);
  const origins = new Set(
    (await catalogue.routes()).filter((route) => route.active).map((route) => route.origin),
  );
  const all = active.flatMap((location) =>
    operationsOf(location.locationType)
      // A buffer that no route leads away from has nothing to bundle.
      .filter((operation) => operation !== 'data_transfer_package_creation' || origins.has(location.site))
      .map((operation) => plannerOf(operation, { site: location.site, location: location.name })),
  );
  return [
    ...new Map(
      all.filter((planner) => planner !== undefined).map((planner) => [planner.id, planner]),
    ).values(),
  ];
}

async function ensureSchedule(client: Client, planner: Planner, everySeconds: number): Promise<void> {
  const spec = { intervals: [{ every: everySeconds * 1000 }] };
  // After an outage one look is enough: a planner sees everything that is due.
  const policies = { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '2 minutes' };
  const action = {
    type: 'startWorkflow' as const,
    workflowType: planner.workflowType,
    workflowId: planner.id,
    args: [planner.input],
    taskQueue: WORKFLOW_QUEUE,
    typedSearchAttributes: planner.typedSearchAttributes,
  };
  try {
    await client.schedule.create({ scheduleId: planner.id, spec, action, policies });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await client.schedule
      .getHandle(planner.id)
      .update((previous) => ({ ...previous, spec, action, policies }));
  }
}
