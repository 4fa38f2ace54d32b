import { Column, Entity, PrimaryColumn } from 'typeorm';
import { asNumber } from './column-types.js';

/** What a location's disk held at a time: as far back as a rate needs. */
@Entity('location_fill')
export class LocationFillEntity {
  @PrimaryColumn({ type: 'uuid' })
  dataLocationId!: string;

  @PrimaryColumn({ type: 'timestamptz' })
  measuredAt!: Date;

  @Column({ type: 'bigint', transformer: asNumber })
  usedBytes!: number;
}
