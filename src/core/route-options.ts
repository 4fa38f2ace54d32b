import type { Route } from './database/records.js';
import { ConfigurationError } from './exceptions.js';
import type { TransportName } from './states.js';

/** What a route tells of how its other end is reached: how documents write it, and what each transport must be told. */

type OptionName = keyof Route['options'];

/** Options by the keys of a topology document. */
const KEYS: Record<OptionName, string> = {
  host: 'host',
  port: 'port',
  listener: 'listener',
  username: 'username',
  identityFile: 'identity_file',
  knownHostsFile: 'known_hosts_file',
  directory: 'directory',
  bbcp: 'bbcp',
};

const OVER_SSH: readonly OptionName[] = ['username', 'identityFile', 'knownHostsFile'];

const BY_TRANSPORT: Record<TransportName, { needs: readonly OptionName[]; refuses: readonly OptionName[] }> =
  {
    local: { needs: [], refuses: ['listener', 'bbcp'] },
    sftp: { needs: ['host', ...OVER_SSH], refuses: ['listener', 'bbcp'] },
    bbcp: { needs: ['host', ...OVER_SSH], refuses: ['listener'] },
    // Where the bytes go is the receiver's to say, by its own catalogue.
    stream: { needs: ['host'], refuses: [...OVER_SSH, 'directory', 'bbcp'] },
  };

/** What is wrong with the options of a route, as sentences without a subject; none where they are right. */
export function optionProblems({
  transport,
  options,
  maxTransfers,
  maxBytesPerSecond,
}: Pick<Route, 'transport' | 'options' | 'maxTransfers' | 'maxBytesPerSecond'>): string[] {
  const { needs, refuses } = BY_TRANSPORT[transport];
  const missing = needs.filter((name) => options[name] === undefined);
  const foreign = refuses.filter((name) => options[name] !== undefined);
  return [
    ...(missing.length > 0 ? [`${transport} needs ${inWords(missing)}`] : []),
    ...(foreign.length > 0 ? [`${transport} knows nothing of ${inWords(foreign)}`] : []),
    // Each run of bbcp keeps its own limit: how many there are at most must be known.
    ...(transport === 'bbcp' && maxBytesPerSecond !== undefined && maxTransfers === undefined
      ? ['bbcp with max_bytes_per_second needs max_transfers, by which it is divided']
      : []),
  ];
}

/** @throws ConfigurationError for a route whose options are wrong, as those may be that came past the topology's document */
export function requireOptions(route: Pick<Route, 'name' | 'transport' | 'options'>): void {
  const problems = optionProblems(route);
  if (problems.length > 0)
    throw new ConfigurationError(`route ${route.name}: ${problems.join('; ')}`, {
      subject: route.name,
      advice: 'complete the options of the route in the topology',
    });
}

function inWords(names: readonly OptionName[]): string {
  const words = names.map((name) => KEYS[name]);
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`;
}
