import { ConfigurationError } from '../../exceptions.js';
import { PROTOCOL, type HeaderOf } from './frames.js';

/** @throws ConfigurationError, for the other end to read */
export function requireProtocol({ protocol }: HeaderOf<'hello'>, peer: string): void {
  if (protocol === PROTOCOL) return;
  throw new ConfigurationError(
    `${peer} speaks version ${protocol} of the stream protocol, we version ${PROTOCOL}`,
    {
      subject: peer,
      advice: 'Bring the workers of both sites to the same version.',
    },
  );
}
