import { requireDisk } from '../../activities/marked-disk.js';
import { diskPath } from '../../activities/places.js';
import type { Catalogue } from '../../core/database/catalogue.js';
import type { Location, Route } from '../../core/database/records.js';
import { ConfigurationError, DatabaseError } from '../../core/exceptions.js';
import type { Logger } from '../../core/logging.js';
import { leadsInto } from '../../core/policy/stream-ends.js';
import { requireMarker } from '../../core/storage/location-marker.js';

const OPERATION = 'data_transfer';

/** The catalogue is asked about a disk so often at most, in milliseconds. */
const ASK_EVERY = 5000;

interface Facts {
  locations: Location[];
  routes: Route[];
}

const NOTHING: Facts = { locations: [], routes: [] };

/** Into which directories of a site others may send: its own catalogue says so, and nothing that they say. */
export class Arrivals {
  private facts: Facts | undefined;
  /** When the catalogue was asked last about the disk of a location, by its ID. */
  private readonly asked = new Map<string, number>();

  constructor(
    private readonly site: string,
    private readonly catalogue: Pick<Catalogue, 'locations' | 'routes' | 'marks'>,
    private readonly log: Logger,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Reads anew what the catalogue says, and answers with the routes. */
  async refresh(): Promise<Route[]> {
    const [locations, routes] = [await this.catalogue.locations(this.site), await this.catalogue.routes()];
    this.facts = { locations, routes };
    return routes;
  }

  /** Whether there is a buffer here, of this name where one is given. */
  hasBuffer(name?: string): boolean {
    return (this.facts?.locations ?? []).some(
      (one) => one.locationType === 'buffer' && (name ?? one.name) === one.name,
    );
  }

  /**
   * The directory of a buffer, for what a site sends into it. While the catalogue is away what it said last holds, so that transfers go on.
   *
   * @param asked.location as in `cologne.buffer`
   * @throws ConfigurationError where there is no such buffer here or no stream route to it; StorageError where its disk is not there;
   *   DatabaseError where the catalogue is away and never said so
   */
  async directoryOf({ location, from }: { location: string; from: string }): Promise<string> {
    let found = this.find(location, from);
    if (typeof found === 'string') {
      // It may have been added a moment ago; while that can't be asked, nobody is told for good that it is not there.
      await this.refresh();
      found = this.find(location, from);
    }
    if (typeof found === 'string')
      throw new ConfigurationError(found, {
        operation: OPERATION,
        subject: location,
        advice: 'Correct the topology: `cdt topology show` lists its locations and routes.',
      });
    await this.requireDiskOf(found);
    return diskPath(found);
  }

  /** The marker is looked at each time, and the catalogue asked for it only once in a while: many files may come in a second. */
  private async requireDiskOf(location: Location): Promise<void> {
    const asked = this.asked.get(location.id);
    if (asked !== undefined && this.now() - asked < ASK_EVERY) {
      await requireMarker(diskPath(location), location, OPERATION);
      return;
    }
    try {
      await requireDisk(this.catalogue, location, OPERATION);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      this.log.warn('the catalogue is away: a disk is known by its marker alone', { error });
      await requireMarker(diskPath(location), location, OPERATION);
    }
    this.asked.set(location.id, this.now());
  }

  /** The buffer, or why nothing may be sent into it. */
  private find(asked: string, from: string): Location | string {
    const { locations, routes } = this.facts ?? NOTHING;
    const [site, name] = asked.split('.');
    const found = locations.find(
      (one) => one.site === site && one.name === name && one.locationType === 'buffer',
    );
    if (found === undefined) return `${this.site} has no buffer ${asked}`;
    if (found.storageType !== 'disk') return `${asked} is not on a disk`;
    if (!leadsInto(routes, from, found))
      return `no route of transport stream leads from ${from} into ${asked}`;
    return found;
  }
}
