import { CompleteAsyncError } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { toActivityFailure } from '../activities/failure.js';

/** Applies {@link toActivityFailure} to every activity of a worker; cancellations pass as they are. */
export const mapFailures: ActivityInterceptorsFactory = (context) => ({
  inbound: {
    async execute(input, next) {
      try {
        return await next(input);
      } catch (error) {
        context.cancellationSignal.throwIfAborted();
        if (error instanceof CancelledFailure || error instanceof CompleteAsyncError) throw error;
        throw toActivityFailure(error, context.info.attempt);
      }
    },
  },
});
