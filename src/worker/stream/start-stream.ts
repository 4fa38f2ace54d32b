import { CertificateDirectory } from '../../core/certificates/certificate-directory.js';
import type { Configuration } from '../../core/configuration.js';
import { hostAndPort } from '../../core/utilities/host-and-port.js';
import { CertificateWatch } from '../certificate-watch.js';
import type { WorkerSelection } from '../selection.js';
import { StreamWork, type StreamWorkParts } from './stream-work.js';

/** The stream transport of a worker, and the watch over its certificates, as its configuration says. */
export function startStream(
  { values }: Configuration,
  selection: WorkerSelection,
  parts: Pick<StreamWorkParts, 'catalogue' | 'metrics' | 'notifications' | 'log'>,
): Pick<StreamWork, 'transport' | 'close'> & { run: (stop: AbortSignal) => Promise<void>[] } {
  const { site } = selection;
  const path = values['stream.certificates'];
  const certificates = path === undefined ? undefined : new CertificateDirectory(path);
  const listen = values['stream.listen'];
  const work = new StreamWork({
    ...parts,
    selection,
    certificates,
    listen: listen === undefined ? undefined : hostAndPort(listen),
  });
  const watch =
    site === undefined || certificates === undefined
      ? undefined
      : new CertificateWatch({ ...parts, site, directory: certificates });
  return {
    transport: (route, destination) => work.transport(route, destination),
    run: (stop) => [work.run(stop), ...(watch === undefined ? [] : [watch.run(stop)])],
    close: () => work.close(),
  };
}
