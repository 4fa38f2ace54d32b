import type { Location, Route } from '../database/records.js';
import { ConfigurationError } from '../exceptions.js';
import { optionProblems } from '../route-options.js';
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
  const { host, port = 22, username, identityFile, knownHostsFile, bbcp } = route.options;
  const [problem] = optionProblems(route);
  if (
    host === undefined ||
    username === undefined ||
    identityFile === undefined ||
    knownHostsFile === undefined ||
    problem !== undefined
  ) {
    throw new ConfigurationError(
      `route ${route.name}: ${problem ?? 'host, username, identity_file and known_hosts_file are missing'}`,
      {
        subject: route.name,
        advice: 'complete the options of the route in the topology',
      },
    );
  }
  const overSsh = { directory, host, port, username, identityFile, knownHostsFile };
  if (route.transport === 'sftp') return { transport: 'sftp', ...overSsh };
  return { transport: 'bbcp', ...overSsh, bbcp, maxBytesPerSecond: shareOf(route) };
}

/** Of a route's limit, for each transfer on its way over it. */
function shareOf({ maxBytesPerSecond, maxTransfers = 1 }: Route): number | undefined {
  return maxBytesPerSecond && Math.floor(maxBytesPerSecond / maxTransfers);
}
