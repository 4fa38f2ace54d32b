import type { Client, WorkflowExecutionInfo } from '@temporalio/client';
import { defaultPayloadConverter } from '@temporalio/common';
import proto from '@temporalio/proto';
import { atOnce } from '../src/core/utilities/at-once.js';
import { isPlannerId } from '../src/workflows/planners.js';

const { EventType } = proto.temporal.api.enums.v1;

/** What some workflow executions cost. */
export interface Cost {
  executions: number;
  /** Events in their histories. */
  events: number;
  /** Activities that were scheduled, each once however often it was tried. */
  activities: number;
}

/** The cost of all workflow executions of a namespace. */
export interface Costs {
  /** Of what came to be by packages: their journeys, and the runs of planners that found work or were woken by it. */
  packages: Cost;
  /** Of what would be there without any package: planners' runs at their time that found nothing, and measuring disks. */
  clock: Cost;
  /** All of them by workflow type, for whoever wants to know where it goes. */
  types: Map<string, Cost>;
}

const READ_AT_ONCE = 16;
/** The beginning of IDs of workflows that measure disks. */
const MONITORING = 'plan/monitoring/';

/**
 * Counts from outside: lists every execution of the namespace, those that are over included, and reads their histories.
 *
 * @param intervalSeconds of the planners' schedules, by which a run at its time is told from one that was asked for
 */
export async function countCosts(client: Client, intervalSeconds: number): Promise<Costs> {
  const found: WorkflowExecutionInfo[] = [];
  for await (const one of client.workflow.list()) found.push(one);
  // The oldest first: each planner looks for the first time when its schedule is made.
  found.sort((a, b) => a.startTime.getTime() - b.startTime.getTime());
  const first = new Set<string>();
  const costs: Costs = { packages: nothing(), clock: nothing(), types: new Map() };
  const looks = found.map((info) => {
    const planner = isPlannerId(info.workflowId) ? plannerOf(info.workflowId) : undefined;
    const unasked =
      planner !== undefined && (!first.has(planner) || isAtItsTime(info.workflowId, intervalSeconds));
    if (planner !== undefined) first.add(planner);
    return { info, unasked };
  });
  await atOnce(looks, READ_AT_ONCE, async ({ info, unasked }) => {
    const { cost, planned } = await readHistory(client, info);
    const byClock = info.workflowId.startsWith(MONITORING) || (unasked && planned === 0);
    const ofType = costs.types.get(info.type) ?? nothing();
    costs.types.set(info.type, ofType);
    for (const sum of [byClock ? costs.clock : costs.packages, ofType]) add(sum, cost);
  });
  return costs;
}

async function readHistory(
  client: Client,
  { workflowId, runId }: WorkflowExecutionInfo,
): Promise<{ cost: Cost; planned?: number }> {
  const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
  const all = events ?? [];
  const ofType = (type: proto.temporal.api.enums.v1.EventType) =>
    all.filter(({ eventType }) => eventType === type);
  const [ended] = ofType(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED);
  const [payload] = ended?.workflowExecutionCompletedEventAttributes?.result?.payloads ?? [];
  const result = payload && defaultPayloadConverter.fromPayload<{ planned?: number } | undefined>(payload);
  const activities = ofType(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED).length;
  return { cost: { executions: 1, events: all.length, activities }, planned: result?.planned };
}

/** Runs that a schedule starts are called by its ID and their nominal time, in whole seconds. */
const RUN = /^(.+)-(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)$/;

function plannerOf(workflowId: string): string {
  return RUN.exec(workflowId)?.[1] ?? workflowId;
}

/** A schedule of an interval counts its times from 1970 on. */
function isAtItsTime(workflowId: string, intervalSeconds: number): boolean {
  const nominal = RUN.exec(workflowId)?.[2];
  return nominal !== undefined && (Date.parse(nominal) / 1000) % intervalSeconds === 0;
}

function nothing(): Cost {
  return { executions: 0, events: 0, activities: 0 };
}

function add(sum: Cost, { executions, events, activities }: Cost): void {
  sum.executions += executions;
  sum.events += events;
  sum.activities += activities;
}
