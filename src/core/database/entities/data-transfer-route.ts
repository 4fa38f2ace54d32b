import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { RouteType, TransportName } from '../../states.js';
import type { Route } from '../records.js';
import { asNumber } from './column-types.js';
import { DataLocationEntity } from './data-location.js';
import { SiteEntity } from './site.js';

/** How data goes from one site to another. */
@Entity('data_transfer_route')
export class DataTransferRouteEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;

  @Column({ type: 'uuid' })
  originSiteId!: string;

  @ManyToOne(() => SiteEntity)
  @JoinColumn({ name: 'origin_site_id' })
  originSite!: SiteEntity;

  @Column({ type: 'uuid' })
  destinationSiteId!: string;

  @ManyToOne(() => SiteEntity)
  @JoinColumn({ name: 'destination_site_id' })
  destinationSite!: SiteEntity;

  @Column({ type: 'uuid', nullable: true })
  originLocationId!: string | null;

  @ManyToOne(() => DataLocationEntity)
  @JoinColumn({ name: 'origin_location_id' })
  originLocation!: DataLocationEntity | null;

  @Column({ type: 'uuid', nullable: true })
  destinationLocationId!: string | null;

  @ManyToOne(() => DataLocationEntity)
  @JoinColumn({ name: 'destination_location_id' })
  destinationLocation!: DataLocationEntity | null;

  @Column({ type: 'uuid', nullable: true })
  viaSiteId!: string | null;

  /** The station of a relay. */
  @ManyToOne(() => SiteEntity)
  @JoinColumn({ name: 'via_site_id' })
  viaSite!: SiteEntity | null;

  @Column({ type: 'text' })
  routeType!: RouteType;

  @Column({ type: 'text' })
  transport!: TransportName;

  /** Which of several is used first: the lowest. */
  @Column({ type: 'integer' })
  priority!: number;

  @Column({ type: 'boolean' })
  active!: boolean;

  /** Most transfers at once. */
  @Column({ type: 'integer', nullable: true })
  maxTransfers!: number | null;

  @Column({ type: 'bigint', nullable: true, transformer: asNumber })
  maxBytesPerSecond!: number | null;

  @Column({ type: 'jsonb', nullable: true })
  hours!: Route['hours'] | null;

  @Column({ type: 'jsonb' })
  options!: Route['options'];
}
