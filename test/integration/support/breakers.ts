import { BreakerService } from '../../../src/core/breakers.js';
import type { BreakerSubject } from '../../../src/core/database/catalogue/breakers.js';
import type { Catalogue } from '../../../src/core/database/catalogue.js';
import { makeLogger } from '../../../src/core/logging.js';
import type { Notice } from '../../../src/core/notification-service.js';
import type { Settings } from '../../../src/core/settings-manager.js';
import { TokenBuckets } from '../../../src/core/utilities/token-bucket.js';

/** The part of a worker's dependencies that leaves routes and stores alone, as a worker composes it. */
export function liveness(
  catalogue: Catalogue,
  settings: Settings,
  notices: Notice[] = [],
  onUsedAgain: (subject: BreakerSubject) => Promise<void> = () => Promise.resolve(),
) {
  const breakers = new BreakerService({
    catalogue: catalogue.liveness,
    settings,
    notifications: { tell: (notice) => Promise.resolve(void notices.push(notice)) },
    log: makeLogger({ level: 'error', format: 'json' }),
    onUsedAgain,
  });
  return { breakers, routeLimits: new TokenBuckets() };
}
