import { Column, Entity, PrimaryColumn } from 'typeorm';

/** That somebody changed a setting; never altered. */
@Entity('setting_change')
export class SettingChangeEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ type: 'uuid', nullable: true })
  siteId!: string | null;

  @Column({ type: 'uuid', nullable: true })
  dataLocationId!: string | null;

  /** Null: it had none at this place. */
  @Column({ type: 'jsonb', nullable: true })
  oldValue!: unknown;

  /** Null: it was taken away. */
  @Column({ type: 'jsonb', nullable: true })
  newValue!: unknown;

  @Column({ type: 'text' })
  changedBy!: string;

  @Column({ type: 'text', nullable: true })
  note!: string | null;

  @Column({ type: 'timestamptz', default: () => 'now()' })
  at!: Date;
}
