import type { Location, Route } from '../database/records.js';
import { ConfigurationError } from '../exceptions.js';
import type { TransportTarget } from './transport.js';

/**
 * How the other end of a route is reached.
 *
 * @throws ConfigurationError where the route lacks options, or the destination is on no disk
 */
export function transportTarget(route: Route, destination: Location): TransportTarget {
  const directory = route.options.directory ?? destination.path;
  if (directory === undefined)
    throw new ConfigurationError(`${destination.site}.${destination.name} is not on a disk`, {
      subject: route.name,
    });
  if (route.transport === 'local') return { transport: 'local', directory };
  const { host, port = 22, username, identityFile, knownHostsFile } = route.options;
  if (
    host === undefined ||
    username === undefined ||
    identityFile === undefined ||
    knownHostsFile === undefined
  ) {
    throw new ConfigurationError(
      `route ${route.name}: sftp needs host, username, identityFile and knownHostsFile`,
      {
        subject: route.name,
        advice: 'complete the options of the route in the topology',
      },
    );
  }
  return { transport: 'sftp', directory, host, port, username, identityFile, knownHostsFile };
}
