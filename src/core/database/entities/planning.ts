import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonValue } from '../../exceptions.js';
import type { SourceKind } from '../../states.js';

/** What observing time was granted for. */
@Entity('observing_program')
export class ObservingProgramEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  shortName!: string;

  @Column({ type: 'text' })
  name!: string;
}

/** A part of a program; its short name is unique there. */
@Entity('sub_observing_program')
export class SubObservingProgramEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  observingProgramId!: string;

  @Column({ type: 'text' })
  shortName!: string;

  @Column({ type: 'text' })
  name!: string;
}

/** What is observed. Which of the fields below are set is told by its kind, and held by the table. Angles in degrees. */
@Entity('source')
export class SourceEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;

  @Column({ type: 'text' })
  kind!: SourceKind;

  /** `fixed`: ICRS. */
  @Column({ type: 'double precision', nullable: true })
  raDegrees!: number | null;

  @Column({ type: 'double precision', nullable: true })
  decDegrees!: number | null;

  /** `solar_system`: its name or number in the ephemerides that the telescope uses. */
  @Column({ type: 'text', nullable: true })
  body!: string | null;

  /** `constant_elevation`: the scan's range, azimuth from north over east. */
  @Column({ type: 'double precision', nullable: true })
  azimuthFromDegrees!: number | null;

  @Column({ type: 'double precision', nullable: true })
  azimuthToDegrees!: number | null;

  @Column({ type: 'double precision', nullable: true })
  elevationDegrees!: number | null;
}

/** How the telescope moves. */
@Entity('obs_mode')
export class ObsModeEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;
}

/** How an observation is set up, apart from its modules. */
@Entity('observation_configuration')
export class ObservationConfigurationEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;

  @Column({ type: 'jsonb' })
  parameters!: Record<string, JsonValue>;
}

/** A planned observation; its name is unique in its program. It may be executed many times. */
@Entity('obs_unit')
export class ObsUnitEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'uuid' })
  observingProgramId!: string;

  @Column({ type: 'uuid', nullable: true })
  subObservingProgramId!: string | null;

  @Column({ type: 'uuid' })
  sourceId!: string;

  @Column({ type: 'uuid' })
  obsModeId!: string;

  @Column({ type: 'uuid', nullable: true })
  observationConfigurationId!: string | null;
}

/** Which modules take part in a planned observation, and how each is set up. */
@Entity('obs_unit_module_configuration')
export class ObsUnitModuleConfigurationEntity {
  @PrimaryColumn({ type: 'uuid' })
  obsUnitId!: string;

  @PrimaryColumn({ type: 'uuid' })
  instrumentModuleId!: string;

  @Column({ type: 'uuid' })
  instrumentModuleConfigurationId!: string;
}
