import { workflowInfo, type WorkflowInterceptors } from '@temporalio/workflow';
import { CDT_OPERATION, CDT_SITE } from './search-attributes.js';

/** Every log line of a workflow says its operation and site; its identifiers are there by themselves. */
export function interceptors(): WorkflowInterceptors {
  return {
    outbound: [
      {
        getLogAttributes: (input, next) => {
          const { typedSearchAttributes } = workflowInfo();
          return next({
            ...input,
            operation: typedSearchAttributes.get(CDT_OPERATION) ?? '',
            journeySite: typedSearchAttributes.get(CDT_SITE) ?? '',
          });
        },
      },
    ],
  };
}
