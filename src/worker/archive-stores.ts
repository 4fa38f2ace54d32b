import { diskArchiveStore } from '../activities/disk-archive.js';
import { KnownAbilities } from '../activities/store-abilities.js';
import type { Catalogue } from '../core/database/catalogue.js';
import type { Location } from '../core/database/records.js';
import { ConfigurationError } from '../core/exceptions.js';
import type { Logger } from '../core/logging.js';
import type { Notifications } from '../core/notification-service.js';
import type { Settings } from '../core/settings-manager.js';
import type { ArchiveStore } from '../core/storage/archive-store.js';
import { S3ArchiveStore } from '../core/storage/s3-archive-store.js';
import { s3SettingsFromEnvironment, type S3Settings } from '../core/storage/s3-settings.js';

interface Parts {
  /** With the keys of the stores; read only where one is needed: a site without an archive has none. */
  environment: NodeJS.ProcessEnv;
  catalogue: Catalogue;
  settings: Settings;
  log: Logger;
  notifications: Notifications;
}

/**
 * The store behind a long-term archive, of type s3 or disk. That of an S3 archive is made once: its connections, which may be encrypted and half a world
 * long, serve one package after the other. It is made anew where the topology says otherwise than before.
 */
export function archiveStores(parts: Parts): (location: Location) => ArchiveStore {
  const { environment, catalogue, settings } = parts;
  const kept = new Map<string, { endpoint?: string; bucket?: string; store: S3ArchiveStore }>();
  return (location) => {
    if (location.storageType === 'disk') return diskArchiveStore(catalogue, settings, location);
    const { id, endpoint, bucket } = location;
    const before = kept.get(id);
    if (before !== undefined && before.endpoint === endpoint && before.bucket === bucket) return before.store;
    const store = s3ArchiveStore(location, s3SettingsFromEnvironment(environment, location), parts);
    kept.set(id, { endpoint, bucket, store });
    return store;
  };
}

function s3ArchiveStore(
  location: Location,
  s3: S3Settings,
  { catalogue, settings, log, notifications }: Parts,
): S3ArchiveStore {
  if (location.storageType !== 's3' || location.bucket === undefined) {
    throw new ConfigurationError(`${location.site}.${location.name} is no S3 store with a bucket`, {
      subject: location.name,
    });
  }
  const reach = { ...s3, endpoint: location.endpoint ?? s3.endpoint, bucket: location.bucket };
  return new S3ArchiveStore({
    ...reach,
    oneRequestBytes: () =>
      settings.get('archive.one_request_bytes', { site: location.site, location: location.name }),
    abilities: new KnownAbilities(catalogue, location, reach, log, notifications),
  });
}
