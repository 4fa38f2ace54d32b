import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A part of an instrument that writes files. */
@Entity('instrument_module')
export class InstrumentModuleEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  /** As it stands in the headers of files. */
  @Column({ type: 'text', unique: true })
  name!: string;

  /** Null until it was described: a module may be seen in a file first. */
  @Column({ type: 'uuid', nullable: true })
  instrumentId!: string | null;
}
