import type { EntityManager } from 'typeorm';
import type { JsonValue } from '../../exceptions.js';
import { uniqueId } from '../../utilities/unique-id.js';
import { rows } from './sql.js';

/** Writes down that something changed; to be called in the transaction of the change. */
export async function audit(
  manager: EntityManager,
  action: string,
  subject: { table: string; id: string },
  facts: Record<string, JsonValue> = {},
): Promise<void> {
  await rows(
    manager,
    'insert into audit_entry (id, action, subject_type, subject_id, facts) values ($1, $2, $3, $4, $5)',
    [uniqueId(), action, subject.table, subject.id, JSON.stringify(facts)],
  );
}
