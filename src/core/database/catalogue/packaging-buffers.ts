import type { EntityManager } from 'typeorm';
import type { DiskFacts } from '../../policy/buffer-space.js';
import { primaryBuffer } from '../../policy/routing.js';
import type { Location } from '../records.js';
import { diskFacts, lockSpace, type DiskPolicy } from './measurements.js';
import { changed, rows } from './sql.js';
import { locationById, locations } from './topology.js';

interface Wanted {
  sourceLocationId: string;
  bufferLocationId: string;
  disks?: DiskPolicy;
}

/** The buffers of a source's site, from which each package takes the first that has room for it. Lives for one transaction. */
export class Buffers {
  /** Why a package found no room, once one did not. */
  readonly reasons: string[] = [];

  private constructor(
    private readonly manager: EntityManager,
    private readonly wanted: Wanted,
    private readonly site: string,
    private readonly all: Location[],
    private readonly disks: Map<string, DiskFacts> | undefined,
  ) {}

  static async of(manager: EntityManager, wanted: Wanted): Promise<Buffers> {
    if (wanted.disks === undefined) return new Buffers(manager, wanted, '', [], undefined);
    await lockSpace(manager);
    const { site } = await locationById(manager, wanted.sourceLocationId);
    const disks = await diskFacts(manager, wanted.disks);
    return new Buffers(manager, wanted, site, await locations(manager, site), disks);
  }

  /** The buffer for so many bytes more, which it then has promised; undefined where none has room. */
  take(bytes: number): string | undefined {
    if (this.disks === undefined) return this.wanted.bufferLocationId;
    const found = this.find(bytes);
    if (found === undefined) return undefined;
    const disk = this.disks.get(found.id);
    // What could never fit waits for a person, and keeps no room from what does.
    if (disk !== undefined && bytes <= disk.space.totalBytes) disk.promisedBytes += bytes;
    return found.id;
  }

  /** Packages that were meant for a buffer that died or was switched off are made in another one, where there is one. */
  async leaveDead(): Promise<number> {
    const dead = this.all.filter(
      (one) =>
        one.locationType === 'buffer' &&
        (!one.active || (this.disks?.get(one.id)?.condition ?? 'usable') !== 'usable'),
    );
    if (dead.length === 0) return 0;
    const waiting = await rows<{ id: string; bytes: number }>(
      this.manager,
      `select id, payload_bytes::float8 as bytes from raw_data_package
       where source_location_id = $1 and state = 'creating' and buffer_location_id = any($2::uuid[]) order by created_at for update`,
      [this.wanted.sourceLocationId, dead.map((one) => one.id)],
    );
    let moved = 0;
    for (const { id, bytes } of waiting) {
      const bufferId = this.take(bytes);
      if (bufferId === undefined) break;
      moved += await changed(
        this.manager,
        'update raw_data_package set buffer_location_id = $2 where id = $1',
        [id, bufferId],
      );
    }
    return moved;
  }

  private find(bytes: number): Location | undefined {
    const found = primaryBuffer({ locations: this.all, disks: this.disks }, this.site, {
      bytes,
      what: 'packaging',
      whole: true,
    });
    if ('buffer' in found) return found.buffer;
    this.reasons.push(...found.reasons);
    return undefined;
  }
}
