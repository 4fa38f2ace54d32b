import type { Client } from '@temporalio/client';
import { Catalogue } from '../core/database/catalogue.js';
import { openDataSource } from '../core/database/data-source.js';
import type { ServerAddresses } from './servers.js';
import { connectTemporal } from './temporal.js';

interface Opened<T> {
  value: T;
  close(): Promise<void>;
}

/** The two servers, each connected to when it is first needed: what needs one alone works while the other is away. */
export class Connections {
  private readonly catalogueOnce: Once<Catalogue>;
  private readonly temporalOnce: Once<Client>;

  constructor(servers: ServerAddresses) {
    this.catalogueOnce = new Once(async () => {
      const dataSource = await openDataSource(servers.databaseUrl);
      return { value: new Catalogue(dataSource), close: () => dataSource.destroy() };
    });
    this.temporalOnce = new Once(async () => {
      const { client, close } = await connectTemporal(servers.temporal);
      return { value: client, close };
    });
  }

  /** @throws DatabaseError while it can't be reached */
  catalogue(): Promise<Catalogue> {
    return this.catalogueOnce.get();
  }

  /** @throws NetworkError while it can't be reached */
  temporal(): Promise<Client> {
    return this.temporalOnce.get();
  }

  async close(): Promise<void> {
    await Promise.all([this.catalogueOnce.close(), this.temporalOnce.close()]);
  }
}

/** Opens once, for all who ask at the same time too; again after it failed. */
class Once<T> {
  private opening: Promise<Opened<T>> | undefined;

  constructor(private readonly open: () => Promise<Opened<T>>) {}

  async get(): Promise<T> {
    const opening = (this.opening ??= this.open());
    try {
      return (await opening).value;
    } catch (error) {
      if (this.opening === opening) this.opening = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    const { opening } = this;
    this.opening = undefined;
    if (opening === undefined) return;
    // What could not be opened needs no closing; whoever asked for it was told.
    const opened = await opening.catch(() => undefined);
    await opened?.close();
  }
}
