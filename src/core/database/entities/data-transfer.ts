import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn } from 'typeorm';
import type { Status } from '../../states.js';
import { asNumber } from './column-types.js';
import { DataLocationEntity } from './data-location.js';
import { DataTransferPackageEntity } from './data-transfer-package.js';
import { DataTransferRouteEntity } from './data-transfer-route.js';

/** One journey of a data transfer package from one buffer to another. */
@Entity('data_transfer')
export class DataTransferEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  dataTransferPackageId!: string;

  @ManyToOne(() => DataTransferPackageEntity)
  @JoinColumn({ name: 'data_transfer_package_id' })
  dataTransferPackage!: DataTransferPackageEntity;

  @Column({ type: 'uuid' })
  routeId!: string;

  @ManyToOne(() => DataTransferRouteEntity)
  @JoinColumn({ name: 'route_id' })
  route!: DataTransferRouteEntity;

  @Column({ type: 'uuid' })
  originLocationId!: string;

  @ManyToOne(() => DataLocationEntity)
  @JoinColumn({ name: 'origin_location_id' })
  originLocation!: DataLocationEntity;

  @Column({ type: 'uuid' })
  destinationLocationId!: string;

  @ManyToOne(() => DataLocationEntity)
  @JoinColumn({ name: 'destination_location_id' })
  destinationLocation!: DataLocationEntity;

  @Column({ type: 'text' })
  status!: Status;

  /** Of reading back and checking at the destination. */
  @Column({ type: 'text' })
  unpackStatus!: Status;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', nullable: true })
  completedAt!: Date | null;

  /** What went over the line in the attempt that ended the sending, and how long that took. */
  @Column({ type: 'bigint', nullable: true, transformer: asNumber })
  bytesSent!: number | null;

  @Column({ type: 'double precision', nullable: true })
  sendSeconds!: number | null;
}
