import { Column, Entity, PrimaryColumn } from 'typeorm';
import { asNumber } from './column-types.js';

/** Raw data packages that are sent together: a manifest, no file. */
@Entity('data_transfer_package')
export class DataTransferPackageEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;

  @Column({ type: 'integer' })
  packageCount!: number;

  @Column({ type: 'bigint', transformer: asNumber })
  bytes!: number;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;
}
