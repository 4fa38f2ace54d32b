import type { Client } from '@temporalio/client';
import proto from '@temporalio/proto';

/** Tasks that wait in an activity queue for a worker, as the server counts them: approximately. Tasks between two attempts are not among them. */
export async function activityBacklog(client: Client, queue: string): Promise<number> {
  const { stats } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: queue },
    taskQueueType: proto.temporal.api.enums.v1.TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    reportStats: true,
  });
  return Number(stats?.approximateBacklogCount ?? 0);
}
