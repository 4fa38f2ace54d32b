import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { JsonValue } from '../../exceptions.js';

/** What has telescopes. */
@Entity('observatory')
export class ObservatoryEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  shortName!: string;

  @Column({ type: 'text' })
  name!: string;
}

/** Its short name is unique at its observatory. */
@Entity('telescope')
export class TelescopeEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  observatoryId!: string;

  @Column({ type: 'text' })
  shortName!: string;

  @Column({ type: 'text' })
  name!: string;
}

/** Its short name is unique at its telescope; its parts are instrument modules. */
@Entity('instrument')
export class InstrumentEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  telescopeId!: string;

  @Column({ type: 'text' })
  shortName!: string;

  @Column({ type: 'text' })
  name!: string;

  /** Whether it can be observed with. */
  @Column({ type: 'boolean' })
  available!: boolean;
}

/** A way in which a module can be set up; its name is unique for its module. */
@Entity('instrument_module_configuration')
export class InstrumentModuleConfigurationEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  instrumentModuleId!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'jsonb' })
  parameters!: Record<string, JsonValue>;
}
