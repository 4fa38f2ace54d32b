import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NetworkError } from '../../../src/core/exceptions.js';
import { classifySftpStatus, classifySshError } from '../../../src/core/utilities/classify-ssh-error.js';

const thrown = (message: string, facts: object) => Object.assign(new Error(message), facts);

test('of the errors of a connection, only a refused key and lacking algorithms need a person', () => {
  const cases: [Error, string][] = [
    [
      thrown('All configured authentication methods failed', { level: 'client-authentication' }),
      'ConfigurationError',
    ],
    [thrown('Handshake failed: no matching host key format', { level: 'handshake' }), 'ConfigurationError'],
    [thrown('Handshake failed: signature verification failed', { level: 'handshake' }), 'NetworkError'],
    [thrown('connect ECONNREFUSED', { level: 'client-socket', code: 'ECONNREFUSED' }), 'NetworkError'],
    [thrown('Keepalive timeout', { level: 'client-timeout' }), 'NetworkError'],
    [thrown('Too many authentication failures', { code: 14 }), 'NetworkError'],
  ];
  for (const [error, name] of cases)
    assert.equal(classifySshError(error, 'cdt@buffer').name, name, error.message);
});

test('each status of SFTP has its class', () => {
  const expected: [number, string][] = [
    [2, 'PermanentError'],
    [3, 'PermanentError'],
    [4, 'StorageError'],
    [5, 'DataTransferError'],
    [6, 'NetworkError'],
    [7, 'NetworkError'],
    [8, 'ConfigurationError'],
  ];
  for (const [code, name] of expected) {
    const error = classifySftpStatus(thrown('what the server says', { code }), '/buffer/a.tar');
    assert.deepEqual([error.name, error.context], [name, { sftpStatus: code }]);
  }
});

test('an error that has a class keeps it, and a server can put no control character into a message', () => {
  const known = new NetworkError('gone');
  assert.equal(classifySshError(known, 'cdt@buffer'), known);
  assert.equal(classifySftpStatus(known, '/buffer/a.tar'), known);
  const error = classifySftpStatus(thrown('bad\u001b[2J', { code: 4 }), '/buffer/a.tar');
  assert.equal(error.message, '/buffer/a.tar: bad\\u001b[2J');
});
