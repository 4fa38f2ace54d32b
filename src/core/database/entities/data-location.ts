import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { LocationType, StorageType } from '../../states.js';
import { SiteEntity } from './site.js';

/** Storage at a site. */
@Entity('data_location')
export class DataLocationEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  siteId!: string;

  @ManyToOne(() => SiteEntity)
  @JoinColumn({ name: 'site_id' })
  site!: SiteEntity;

  /** Unique at its site; part of queue names. */
  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'text' })
  locationType!: LocationType;

  @Column({ type: 'text' })
  storageType!: StorageType;

  /** Which of several is used first: the lowest. */
  @Column({ type: 'integer' })
  priority!: number;

  @Column({ type: 'boolean' })
  active!: boolean;

  @Column({ type: 'text', nullable: true })
  path!: string | null;

  @Column({ type: 'text', nullable: true })
  bucket!: string | null;

  @Column({ type: 'text', nullable: true })
  endpoint!: string | null;

  /** Tape: the library that holds it, and the pool there. */
  @Column({ type: 'text', nullable: true })
  tapeLibrary!: string | null;

  @Column({ type: 'text', nullable: true })
  tapePool!: string | null;

  @Column({ type: 'boolean' })
  deletable!: boolean;

  /** What fails together; null: the site. */
  @Column({ type: 'text', nullable: true })
  failureDomain!: string | null;

  /** When its disk was given the marker that says whose it is. */
  @Column({ type: 'timestamptz', nullable: true })
  markedAt!: Date | null;
}
