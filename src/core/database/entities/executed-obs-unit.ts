import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One execution of a planned observation, as one source names it. */
@Entity('executed_obs_unit')
export class ExecutedObsUnitEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  sourceLocationId!: string;

  /** Path text. */
  @Column({ type: 'text' })
  name!: string;
}
