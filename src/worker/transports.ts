import type { Dependencies } from '../activities/dependencies.js';
import type { Logger } from '../core/logging.js';
import { makeTransport } from '../core/transport/make-transport.js';
import { transportTarget } from '../core/transport/transport-target.js';

/**
 * The way to a location, as a route tells it. Of a route that moves bytes in the clear the log warns once.
 *
 * @param stream those of routes of transport stream, which share what the worker has open
 */
export function transports(log: Logger, stream: Dependencies['transport']): Dependencies['transport'] {
  const warned = new Set<string>();
  return (route, destination) => {
    if (route.transport === 'bbcp' && !warned.has(route.name)) {
      warned.add(route.name);
      log.warn('this route moves bytes in the clear: whoever is on the line can read and change them', {
        route: route.name,
        transport: route.transport,
      });
    }
    if (route.transport === 'stream') return stream(route, destination);
    return makeTransport(transportTarget(route, destination));
  };
}
