import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Problem, SourceProgress } from '../../../src/core/database/records.js';
import {
  completion,
  needsScan,
  type CompletionLimits,
  type Situation,
} from '../../../src/core/policy/completion.js';
import type { PackageState } from '../../../src/core/states.js';

const LIMITS: CompletionLimits = { giveUpAfterSeconds: 600, settleSeconds: 300, idleSeconds: 60 };
const NOW = 10_000_000;

function progress(
  packages: Partial<Record<PackageState, number>> = {},
  files: Partial<SourceProgress['files']> = {},
  copiesToDelete = 0,
): SourceProgress {
  const of = (state: PackageState) => ({
    packages: packages[state] ?? 0,
    files: 0,
    payloadBytes: 0,
    bytes: 0,
  });
  return {
    files: { registered: 0, packaged: 0, refused: 0, deleted: 0, ...files },
    bytes: { registered: 0, packaged: 0, refused: 0, deleted: 0 },
    packages: {
      creating: of('creating'),
      waiting: of('waiting'),
      transferring: of('transferring'),
      arrived: of('arrived'),
      archived: of('archived'),
      failed: of('failed'),
    },
    copiesToDelete,
  };
}

function situation(changes: Partial<Situation> = {}): Situation {
  return {
    now: NOW,
    scan: { entries: 10, unquiet: 0, refused: 0 },
    progress: progress({ archived: 2 }),
    waiting: [],
    unfinishedPackages: [],
    running: 0,
    problems: [],
    lastMovedAt: NOW,
    unreachable: [],
    plannersWait: [],
    ...changes,
  };
}

const problem = (changes: Partial<Problem> = {}): Problem => ({
  id: 'p',
  errorClass: 'PackageError',
  operation: 'source_scan',
  subject: 'a/socket',
  message: 'a socket',
  firstAt: '',
  lastAt: '',
  count: 1,
  ...changes,
});

const waiting = (...packageNames: string[]) => ({
  workflowId: `w-${packageNames.join('-')}`,
  operation: 'long_term_archive_transfer',
  packageNames,
});
const state = (changes: Partial<Situation>) => completion(situation(changes), LIMITS).state;
const idleFor = (seconds: number) => NOW - seconds * 1000;

void describe('completion', () => {
  void it('is done when the source is settled and every package is archived', () => {
    assert.deepEqual(completion(situation(), LIMITS), { state: 'done', left: [], wrong: [] });
  });

  void it('is done at once for an empty source', () => {
    assert.equal(state({ scan: { entries: 0, unquiet: 0, refused: 0 }, progress: progress() }), 'done');
  });

  void it('goes on before the first look at the source', () => {
    assert.equal(state({ scan: undefined, progress: progress() }), 'working');
    assert.equal(state({ progress: undefined }), 'working');
  });

  void it('goes on while a package is anywhere before the archive', () => {
    for (const one of ['creating', 'waiting', 'transferring', 'arrived'] as const) {
      assert.equal(state({ progress: progress({ [one]: 1 }) }), 'working', one);
    }
  });

  void it('goes on while archived copies are to be freed', () => {
    assert.equal(state({ progress: progress({ archived: 1 }, {}, 1) }), 'working');
  });

  void it('goes on while files are being written, and ends without them after the time for that', () => {
    const unquiet = { entries: 10, unquiet: 3, refused: 0 };
    assert.equal(state({ scan: unquiet, unsettledSince: idleFor(299) }), 'working');
    const ended = completion(situation({ scan: unquiet, unsettledSince: idleFor(300) }), LIMITS);
    assert.equal(ended.state, 'cannot');
    assert.match(ended.left.join(), /^3 files of the source are not packaged/);
  });

  void it('finishes everything else before it ends without the files that never settle', () => {
    const changes = {
      scan: { entries: 10, unquiet: 3, refused: 0 },
      unsettledSince: idleFor(1000),
      running: 1,
    };
    assert.equal(state({ ...changes, progress: progress({ arrived: 1 }) }), 'working');
  });

  void it('goes on with files that were put back because they changed while they were packaged', () => {
    const put = progress({ archived: 1 }, { registered: 1 });
    assert.equal(state({ progress: put, unsettledSince: NOW }), 'working');
    assert.equal(needsScan({ scan: { entries: 1, unquiet: 0, refused: 0 }, progress: put }), true);
  });

  void it('does not look again for files that belong to a package in the making', () => {
    const inPackage = progress({ creating: 1 }, { registered: 5 });
    assert.equal(needsScan({ scan: { entries: 5, unquiet: 0, refused: 0 }, progress: inPackage }), false);
  });

  void it('ends with the reasons when entries were refused, after everything else was archived', () => {
    const refused = { files: { refused: 1 }, problems: [problem()] };
    assert.equal(
      state({ progress: progress({ arrived: 1 }, refused.files), problems: refused.problems }),
      'working',
    );
    const ended = completion(
      situation({ progress: progress({ archived: 1 }, refused.files), problems: refused.problems }),
      LIMITS,
    );
    assert.equal(ended.state, 'cannot');
    assert.deepEqual(ended.wrong, ["1 entry of the source can't be packaged", 'a/socket: a socket']);
  });

  void it('ends with the reasons when a package was given up', () => {
    const ended = completion(situation({ progress: progress({ archived: 1, failed: 1 }) }), LIMITS);
    assert.deepEqual(ended, { state: 'cannot', left: [], wrong: ['1 package given up'] });
  });

  void it('never ends well while a problem is open', () => {
    assert.equal(state({ problems: [problem()] }), 'cannot');
  });

  void it('ends at once when every package that is left waits for an operator', () => {
    const all = { progress: progress({ arrived: 2 }), unfinishedPackages: ['a', 'b'] };
    assert.equal(state({ ...all, waiting: [waiting('a'), waiting('b')], running: 1 }), 'cannot');
    assert.equal(state({ ...all, waiting: [waiting('a')], running: 1 }), 'working');
    assert.equal(
      state({ ...all, unfinishedPackages: ['a'], waiting: [waiting('a')], running: 1 }),
      'working',
    );
  });

  void it('frees what it can before it ends with work that waits for an operator', () => {
    const changes = {
      progress: progress({ arrived: 1, archived: 1 }, {}, 1),
      unfinishedPackages: ['a'],
      waiting: [waiting('a')],
    };
    assert.equal(state({ ...changes, running: 1, lastMovedAt: idleFor(100) }), 'working');
    assert.equal(state({ ...changes, running: 0, lastMovedAt: idleFor(100) }), 'cannot');
  });

  void it('tells a problem that a waiting workflow stands for once only', () => {
    const one = { ...waiting('a'), reason: 'S3 said no' };
    const ended = completion(
      situation({
        progress: progress({ arrived: 1 }),
        unfinishedPackages: ['a'],
        waiting: [one],
        problems: [problem({ workflowId: one.workflowId })],
      }),
      LIMITS,
    );
    assert.deepEqual(ended.wrong, ['w-a waits for an operator: S3 said no']);
  });

  void it('ends when work is left that nobody does', () => {
    const left = { progress: progress({ creating: 1 }), running: 0 };
    assert.equal(state({ ...left, lastMovedAt: idleFor(59) }), 'working');
    assert.equal(state({ ...left, lastMovedAt: idleFor(60) }), 'cannot');
  });

  void it('outlasts a server that is away, until nothing at all moved for too long', () => {
    const away = {
      progress: progress({ creating: 1 }),
      running: 0,
      unreachable: ['catalogue unreachable since 10:00:00 UTC'],
    };
    assert.equal(state({ ...away, lastMovedAt: idleFor(599) }), 'working');
    const ended = completion(situation({ ...away, lastMovedAt: idleFor(600) }), LIMITS);
    assert.equal(ended.state, 'cannot');
    assert.deepEqual(ended.left, ['1 package being made', 'catalogue unreachable since 10:00:00 UTC']);
  });

  void it('waits while a planner waits for room, however long nothing runs, and says so', () => {
    const full = {
      progress: progress({}, { registered: 2 }),
      running: 0,
      unsettledSince: idleFor(599),
      plannersWait: ['packaging waits for room in ccat.buffer'],
    };
    const waits = completion(situation({ ...full, lastMovedAt: idleFor(599) }), LIMITS);
    assert.equal(waits.state, 'working');
    assert.ok(waits.left.includes('packaging waits for room in ccat.buffer'));
    assert.equal(state({ ...full, lastMovedAt: idleFor(600) }), 'cannot');
  });

  void it('gives up work that runs but does not move', () => {
    assert.equal(
      state({ progress: progress({ arrived: 1 }), running: 1, lastMovedAt: idleFor(599) }),
      'working',
    );
    assert.equal(
      state({ progress: progress({ arrived: 1 }), running: 1, lastMovedAt: idleFor(600) }),
      'cannot',
    );
  });

  void it('says why the source could not be looked through', () => {
    const ended = completion(
      situation({ scan: undefined, scanFailure: 'it is gone', lastMovedAt: idleFor(60) }),
      LIMITS,
    );
    assert.deepEqual(ended, {
      state: 'cannot',
      left: ['the source has not been looked through: it is gone'],
      wrong: [],
    });
  });
});
