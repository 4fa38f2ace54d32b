import type {
  EntityManager,
  EntityTarget,
  FindOptionsRelations,
  FindOptionsWhere,
  ObjectLiteral,
} from 'typeorm';

/**
 * The row that a key names, with what it refers to; undefined where there is none. One statement: the mapper's own `findOne` asks first which
 * rows there are, since relations might multiply them, and each of these is one row.
 */
export async function oneOf<Entity extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntityTarget<Entity>,
  where: FindOptionsWhere<Entity>,
  relations: FindOptionsRelations<Entity>,
): Promise<Entity | undefined> {
  return (await manager.find(entity, { where, relations }))[0];
}
