import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueryFailedError } from 'typeorm';
import { classifyDatabaseError } from '../../../src/core/database/classify-database-error.js';
import * as exceptions from '../../../src/core/exceptions.js';

function failure(message: string, code?: string): Error {
  return code === undefined ? new Error(message) : Object.assign(new Error(message), { code });
}

const cases: [string, Error, typeof exceptions.CCATDataOperationError][] = [
  [
    'a refused connection',
    failure('connect ECONNREFUSED 127.0.0.1:5432', 'ECONNREFUSED'),
    exceptions.DatabaseError,
  ],
  ['a broken connection', failure('Connection terminated unexpectedly'), exceptions.DatabaseError],
  [
    'a connection that broke between two statements',
    failure('Query runner already released. Cannot run queries anymore.'),
    exceptions.DatabaseError,
  ],
  [
    'a connection that takes too long',
    failure('timeout exceeded when trying to connect'),
    exceptions.DatabaseError,
  ],
  ['a server that shuts down', failure('terminating connection', '57P01'), exceptions.DatabaseError],
  ['a server that starts', failure('the database system is starting up', '57P03'), exceptions.DatabaseError],
  ['a full disk', failure('could not extend file', '53100'), exceptions.DatabaseError],
  ['too many connections', failure('too many clients already', '53300'), exceptions.DatabaseError],
  ['a standby', failure('read-only transaction', '25006'), exceptions.DatabaseError],
  ['a deadlock', failure('deadlock detected', '40P01'), exceptions.DatabaseOperationError],
  [
    'a serialization failure',
    failure('could not serialize access', '40001'),
    exceptions.DatabaseOperationError,
  ],
  [
    'a statement that took too long',
    failure('statement timeout', '57014'),
    exceptions.DatabaseOperationError,
  ],
  ['a wrong password', failure('password authentication failed', '28P01'), exceptions.ConfigurationError],
  ['a missing database', failure('database does not exist', '3D000'), exceptions.ConfigurationError],
  ['a missing table', failure('relation does not exist', '42P01'), exceptions.ConfigurationError],
  ['a broken constraint', failure('violates check constraint', '23514'), exceptions.PermanentError],
  ['a fault of the program', new TypeError('x is not a function'), exceptions.PermanentError],
];

for (const [words, thrown, expected] of cases) {
  test(`${words} becomes ${expected.name}`, () => {
    const classified = classifyDatabaseError(new QueryFailedError('select $1', ['a parameter'], thrown));
    assert.equal(classified.constructor, expected);
    assert.equal(
      classified.cause,
      thrown,
      'the cause is what the driver threw, without the parameters of the statement',
    );
    assert.equal(classifyDatabaseError(thrown).constructor, expected);
  });
}

test('an error of this system stays what it is', () => {
  const ours = new exceptions.DataCorruptionError('damaged');
  assert.equal(classifyDatabaseError(ours), ours);
});
