import { requireDisk } from '../../activities/marked-disk.js';
import { diskPath } from '../../activities/places.js';
import type { Catalogue } from '../../core/database/catalogue.js';
import type { Location, Route } from '../../core/database/records.js';
import { ConfigurationError, DatabaseError } from '../../core/exceptions.js';
import type { Logger } from '../../core/logging.js';
import { leadsInto } from '../../core/policy/stream-ends.js';
import { requireMarker } from '../../core/storage/location-marker.js';

const OPERATION = 'data_transfer';

interface Facts {
  locations: Location[];
  routes: Route[];
}

/** Into which directories of a site others may send: its own catalogue says so, and nothing that they say. */
export class Arrivals {
  private facts: Facts | undefined;

  constructor(
    private readonly site: string,
    private readonly catalogue: Pick<Catalogue, 'locations' | 'routes' | 'marks'>,
    private readonly log: Logger,
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
   * @throws ConfigurationError where there is no such buffer here or no stream route to it; StorageError where its disk is not there
   */
  async directoryOf({ location, from }: { location: string; from: string }): Promise<string> {
    const known = this.facts === undefined ? undefined : this.find(this.facts, location, from);
    // What is not known yet may have been added a moment ago.
    const found = typeof known === 'object' ? known : this.find(await this.factsNow(), location, from);
    if (typeof found === 'string')
      throw new ConfigurationError(found, {
        operation: OPERATION,
        subject: location,
        advice: 'Correct the topology: `cdt topology show` lists its locations and routes.',
      });
    try {
      await requireDisk(this.catalogue, found, OPERATION);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      this.log.warn('the catalogue is away: a disk is known by its marker alone', { location, error });
      await requireMarker(diskPath(found), found, OPERATION);
    }
    return diskPath(found);
  }

  private async factsNow(): Promise<Facts> {
    try {
      await this.refresh();
    } catch (error) {
      if (this.facts === undefined || !(error instanceof DatabaseError)) throw error;
    }
    return this.facts ?? { locations: [], routes: [] };
  }

  /** The buffer, or why nothing may be sent into it. */
  private find({ locations, routes }: Facts, asked: string, from: string): Location | string {
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
