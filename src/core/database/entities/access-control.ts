import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A person or a service that may do something. */
@Entity('user')
export class UserEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;

  @Column({ type: 'text', nullable: true })
  fullName!: string | null;

  @Column({ type: 'boolean' })
  active!: boolean;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;
}

/** What users are, and so may do. */
@Entity('role')
export class RoleEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;
}

/** Something that may be done, as `staging.request`. */
@Entity('permission')
export class PermissionEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'text', unique: true })
  name!: string;
}

@Entity('user_role')
export class UserRoleEntity {
  @PrimaryColumn({ type: 'uuid' })
  userId!: string;

  @PrimaryColumn({ type: 'uuid' })
  roleId!: string;
}

@Entity('role_permission')
export class RolePermissionEntity {
  @PrimaryColumn({ type: 'uuid' })
  roleId!: string;

  @PrimaryColumn({ type: 'uuid' })
  permissionId!: string;
}

/** A secret by which a service is known. The secret itself is nowhere in the catalogue. */
@Entity('api_token')
export class ApiTokenEntity {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;

  @Column({ type: 'uuid' })
  userId!: string;

  /** What its user calls it. */
  @Column({ type: 'text' })
  name!: string;

  /** Its first characters, to recognise it by. */
  @Column({ type: 'text', unique: true })
  prefix!: string;

  /** SHA-256 of the whole, hex: it is random and long, so that no slow hash is needed. */
  @Column({ type: 'text', unique: true })
  hash!: string;

  @Column({ type: 'timestamptz' })
  createdAt!: Date;

  @Column({ type: 'timestamptz', nullable: true })
  expiresAt!: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  revokedAt!: Date | null;

  @Column({ type: 'timestamptz', nullable: true })
  lastUsedAt!: Date | null;
}

/** What a token may do at most; its user must have the permission as well. */
@Entity('api_token_permission')
export class ApiTokenPermissionEntity {
  @PrimaryColumn({ type: 'uuid' })
  apiTokenId!: string;

  @PrimaryColumn({ type: 'uuid' })
  permissionId!: string;
}
