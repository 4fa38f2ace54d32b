import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { Status } from '../../states.js';

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

  /** What the instrument calls it: files of it may have been seen, and given it an id, before the instrument told of it. */
  @Column({ type: 'uuid', nullable: true, unique: true })
  instrumentUuid!: string | null;

  /** What was planned; null where nobody told. */
  @Column({ type: 'uuid', nullable: true })
  obsUnitId!: string | null;

  /** `pending` where only files tell of it; `failed` where the instrument broke it off. */
  @Column({ type: 'text', default: 'pending' })
  status!: Status;

  @Column({ type: 'timestamptz', nullable: true })
  startedAt!: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  finishedAt!: Date | null;
}
