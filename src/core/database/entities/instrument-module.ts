import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A part of an instrument that writes files. */
@Entity('instrument_module')
export class InstrumentModuleEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;
}
