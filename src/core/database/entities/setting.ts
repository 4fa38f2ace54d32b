import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A value that an operator gave to a setting: at a location, at a site, or, without both, everywhere. */
@Entity('setting')
export class SettingEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  /** As in `settings-registry.ts`. */
  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'uuid', nullable: true })
  siteId!: string | null;

  @Column({ type: 'uuid', nullable: true })
  dataLocationId!: string | null;

  @Column({ type: 'jsonb' })
  value!: unknown;

  @Column({ type: 'text' })
  changedBy!: string;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  changedAt!: Date;
}
