import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { TransferItemStatus } from '../../states.js';

/** How one package fares in one data transfer. */
@Entity('data_transfer_item')
export class DataTransferItemEntity {
  @PrimaryColumn({ type: 'uuid' })
  dataTransferId!: string;

  @PrimaryColumn({ type: 'uuid' })
  rawDataPackageId!: string;

  @Column({ type: 'uuid' })
  destinationLocationId!: string;

  @Column({ type: 'text' })
  status!: TransferItemStatus;

  /** Why it was left out or given up. */
  @Column({ type: 'text', nullable: true })
  reason!: string | null;

  @Column({ type: 'timestamptz', nullable: true })
  closedAt!: Date | null;
}
