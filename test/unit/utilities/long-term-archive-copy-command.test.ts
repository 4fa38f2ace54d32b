import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeLongTermArchiveCopyCommand } from '../../../src/core/utilities/make-long-term-archive-copy-command.js';

test('names follow after the end of options, each one word, whatever is in them', () => {
  const hostile = '/buffer/$(touch x); -rf `id` a:b *.tar';
  const command = makeLongTermArchiveCopyCommand('cp', hostile, '/archive/-x.tar');
  assert.deepEqual(command.slice(-3), ['--', hostile, '/archive/-x.tar']);
  assert.equal(command[0], 'cp');
});

test('other programs, and paths that are not plain, are refused', () => {
  for (const program of ['sh', '/bin/cp', 'cp -r', 'constructor', ''])
    assert.throws(
      () => makeLongTermArchiveCopyCommand(program, '/a', '/b'),
      (error: Error) => error.name === 'ConfigurationError' && error.message.length > 0,
    );
  for (const path of ['a', '-a', 'host:/a', '/a/../b', '/a/', '/a\n', '/a\0b', '/', '', '//a'])
    assert.throws(
      () => makeLongTermArchiveCopyCommand('cp', path, '/b'),
      (error: Error) => error.name === 'PermanentError',
      JSON.stringify(path),
    );
});
