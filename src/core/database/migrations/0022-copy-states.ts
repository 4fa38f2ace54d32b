import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PermanentError } from '../../exceptions.js';

const STATEMENTS = [
  // Where nothing may be deleted, a copy is not even scheduled for it; and what is damaged elsewhere is made or sent again, not repaired.
  `create function refuse_state_of_other_places() returns trigger language plpgsql as $$
    begin
      if (new.state not in ('present', 'damaged')) and exists (
        select from data_location where id = new.data_location_id and location_type = 'long_term_archive')
      then
        raise exception 'a copy in a long-term archive can not become %', new.state using errcode = 'integrity_constraint_violation';
      end if;
      if new.state = 'damaged' and exists (
        select from data_location where id = new.data_location_id and location_type <> 'long_term_archive')
      then
        raise exception 'only a copy in a long-term archive is kept as damaged' using errcode = 'integrity_constraint_violation';
      end if;
      return new;
    end $$`,
  `create trigger refuse_state_of_other_places before insert or update of state on physical_copy
    for each row execute function refuse_state_of_other_places()`,
  // What was where is history: a copy that is gone has its row, and a row never becomes that of another copy.
  `create function refuse_forgotten_copy() returns trigger language plpgsql as $$
    begin
      raise exception 'the row of a copy stays, and stays that of the same copy' using errcode = 'integrity_constraint_violation';
    end $$`,
  `create trigger refuse_forgotten_copy before delete or truncate on physical_copy
    for each statement execute function refuse_forgotten_copy()`,
  `create trigger refuse_other_copy before update of raw_data_package_id, data_location_id on physical_copy
    for each row when (old.raw_data_package_id <> new.raw_data_package_id or old.data_location_id <> new.data_location_id)
    execute function refuse_forgotten_copy()`,
];

/** States of copies that are impossible at some places, and copies that are never forgotten. */
export class CopyStates0000000000022 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await runner.query(statement);
  }

  down(): Promise<void> {
    return Promise.reject(
      new PermanentError('the catalogue is never migrated backwards', { advice: 'restore a backup' }),
    );
  }
}
