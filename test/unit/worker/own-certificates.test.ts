import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SiteCredentials } from '../../../src/core/certificates/certificate-directory.js';
import {
  ConfigurationError,
  PermanentError,
  StorageError,
  type CCATDataOperationError,
} from '../../../src/core/exceptions.js';
import { makeLogger } from '../../../src/core/logging.js';
import { OwnCertificates } from '../../../src/worker/stream/own-certificates.js';

const log = makeLogger({ level: 'crit', format: 'json' });
const held: SiteCredentials = { site: 'ccat', certificate: 'c', key: 'k', authority: 'a', endsAt: '' };

/** A directory that gives what the test says. */
function directory() {
  const state: { gives: SiteCredentials | CCATDataOperationError } = { gives: held };
  const credentials = () =>
    'certificate' in state.gives ? Promise.resolve({ ...state.gives }) : Promise.reject(state.gives);
  return { state, credentials };
}

test('what is renewed is taken up, and what can not be used leaves what was there before', async () => {
  const { state, credentials } = directory();
  const own = new OwnCertificates('ccat', { credentials }, log);
  await own.refresh();
  const first = own.current;
  await own.refresh();
  assert.equal(own.current, first, 'the same object as long as it is the same');
  state.gives = new ConfigurationError('it does not belong to ccat.key');
  await own.refresh();
  assert.equal(own.current, first);
  state.gives = { ...held, certificate: 'renewed' };
  await own.refresh();
  assert.equal(own.current.certificate, 'renewed');
  state.gives = { ...state.gives, revoked: ['a list'] };
  await own.refresh();
  assert.deepEqual(own.current.revoked, ['a list']);
});

test('what keeps them from being used is told as a matter of configuration, unless it can pass', async () => {
  const { state, credentials } = directory();
  const own = new OwnCertificates('ccat', { credentials }, log);
  assert.throws(() => own.current, ConfigurationError);
  state.gives = new PermanentError('EACCES: permission denied');
  await own.refresh();
  assert.throws(() => own.current, ConfigurationError);
  assert.match(own.problem?.message ?? '', /permission denied/);
  state.gives = new StorageError('EIO');
  await own.refresh();
  assert.throws(() => own.current, StorageError);
});

test('a worker that was told of no certificates, or is of all sites, says what to do', async () => {
  for (const [site, given, words] of [
    ['ccat', undefined, /Set stream\.certificates/],
    [undefined, directory(), /a worker for each site/],
  ] as const) {
    const own = new OwnCertificates(site, given, log);
    await own.refresh();
    assert.match(own.problem?.advice ?? '', words);
  }
});
