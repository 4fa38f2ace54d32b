import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { RouteType, TransportName } from '../../states.js';
import type { Route } from '../records.js';
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

  @Column({ type: 'text' })
  routeType!: RouteType;

  @Column({ type: 'text' })
  transport!: TransportName;

  /** Which of several is used first: the lowest. */
  @Column({ type: 'integer' })
  priority!: number;

  @Column({ type: 'boolean' })
  active!: boolean;

  @Column({ type: 'jsonb' })
  options!: Route['options'];
}
