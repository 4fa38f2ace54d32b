import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { upDocument } from '../../../src/client/cli/up/document.js';
import type { ArchivedPackageSummary, Problem } from '../../../src/core/database/records.js';
import { ConfigurationError } from '../../../src/core/exceptions.js';

const archived: ArchivedPackageSummary = {
  id: '0190',
  name: 'night-1_CHAI_p1',
  executedObsUnit: 'night 1',
  instrumentModule: 'CHAI',
  part: 1,
  state: 'archived',
  fileCount: 3,
  payloadBytes: 3000,
  bytes: 9216,
  sha256: 'ab'.repeat(32),
  sourceLocation: { id: 's', site: 'ccat', name: 'source' },
  createdAt: '2026-11-23T00:00:00Z',
  archive: { location: 'cologne.lta', bucket: 'cologne-lta', key: 'k', verifiedAt: '2026-11-23T00:01:00Z' },
};

const problem: Problem = {
  id: 'p',
  errorClass: 'ConfigurationError',
  operation: 'long_term_archive_transfer',
  subject: 'night-1',
  message: 'wrong key',
  advice: 'set the right one',
  workflowId: 'w1',
  firstAt: '',
  lastAt: '',
  count: 1,
};

void describe('the document of --json', () => {
  void it('has every key of its shape, even when nothing is known but the failure', () => {
    const failure = new ConfigurationError('the data directory is in use', {
      operation: 'start',
      subject: '/d',
      advice: 'stop it',
    });
    assert.deepEqual(upDocument({ seconds: 0.04, failure }), {
      files: 0,
      bytes: 0,
      seconds: 0,
      packages: [],
      source: { deleted: 0, kept: 0 },
      problems: [
        {
          class: 'ConfigurationError',
          operation: 'start',
          subject: '/d',
          message: 'the data directory is in use',
          advice: 'stop it',
        },
      ],
      temporalUi: null,
      s3: { endpoint: null, root: null },
    });
  });

  void it('tells packages with their archive and workflow, and counts the files of the source in them', () => {
    const unmade: ArchivedPackageSummary = {
      ...archived,
      id: '0191',
      state: 'creating',
      bytes: undefined,
      sha256: undefined,
      archive: undefined,
    };
    const failed: ArchivedPackageSummary = { ...archived, id: '0192', state: 'failed', archive: undefined };
    const document = upDocument({
      seconds: 12.345,
      packages: [archived, unmade, failed],
      s3: { endpoint: 'http://s3', root: '/r' },
      temporalUi: 'http://ui',
    });
    assert.equal(document.files, 6);
    assert.equal(document.bytes, 6000);
    assert.equal(document.seconds, 12.3);
    assert.deepEqual(document.packages[0], {
      id: '0190',
      name: 'night-1_CHAI_p1',
      executedObsUnit: 'night 1',
      instrumentModule: 'CHAI',
      files: 3,
      bytes: 9216,
      sha256: 'ab'.repeat(32),
      state: 'archived',
      archive: {
        location: 'cologne.lta',
        bucket: 'cologne-lta',
        key: 'k',
        verifiedAt: '2026-11-23T00:01:00Z',
      },
      workflowId: 'raw-data-package/0190',
    });
    assert.deepEqual(
      [document.packages[1]?.bytes, document.packages[1]?.sha256, document.packages[1]?.archive],
      [null, null, null],
    );
    assert.deepEqual(document.s3, { endpoint: 'http://s3', root: '/r' });
  });

  void it('tells each reason once: a problem, work that waits without one, and what is merely left', () => {
    const waiting = [
      { workflowId: 'w1', operation: 'long_term_archive_transfer', packageNames: ['a'], reason: 'wrong key' },
      { workflowId: 'w2', operation: 'deletion', packageNames: ['b'], reason: 'changed' },
    ];
    const { problems } = upDocument({
      seconds: 1,
      problems: [problem],
      waiting,
      left: ['1 package on the way', 'S3 is away'],
      source: '/data',
    });
    assert.deepEqual(
      problems.map((one) => [one.class, one.subject, one.message, one.workflowId]),
      [
        ['ConfigurationError', 'night-1', 'wrong key', 'w1'],
        ['CCATDataOperationError', 'b', 'changed', 'w2'],
        [
          'CCATDataOperationError',
          '/data',
          'not everything could be done: 1 package on the way; S3 is away',
          undefined,
        ],
      ],
    );
  });

  void it('holds nothing but the shape: no credential of the store gets into it', () => {
    const s3 = { endpoint: 'http://s3', root: '/r', secretAccessKey: 'hidden' };
    assert.ok(!JSON.stringify(upDocument({ seconds: 1, s3 })).includes('hidden'));
  });
});
