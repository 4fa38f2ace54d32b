import assert from 'node:assert/strict';
import { test } from 'node:test';
import { whyKept, type LeftOverFacts } from '../../../src/core/policy/left-over.js';

const SAFE: LeftOverFacts = {
  state: 'waiting',
  archiveCopies: 1,
  damaged: false,
  onItsWay: false,
  held: false,
  deletable: true,
  madeHere: true,
  members: { count: 2, recorded: 2 },
};

test('what is whole in an archive may go, and what holds nothing', () => {
  for (const facts of [
    SAFE,
    { ...SAFE, copyHere: 'deleted' as const },
    { ...SAFE, madeHere: false, members: undefined },
    { ...SAFE, state: 'failed' as const, archiveCopies: 0, members: { count: 0, recorded: 0 } },
  ])
    assert.equal(whyKept(facts), undefined);
});

test('each single doubt keeps it; a person is asked where it does not end by itself', () => {
  const doubts: [Partial<LeftOverFacts>, boolean][] = [
    [{ state: 'creating' }, true],
    [{ copyHere: 'present' }, true],
    [{ copyHere: 'deletion_in_progress' }, true],
    [{ damaged: true }, true],
    [{ onItsWay: true }, true],
    [{ held: true }, true],
    [{ deletable: false }, true],
    [{ archiveCopies: 0 }, false],
    [{ members: undefined }, false],
    [{ members: { count: 2, recorded: 1 } }, false],
  ];
  for (const [doubt, passes] of doubts)
    assert.equal(whyKept({ ...SAFE, ...doubt })?.passes, passes, JSON.stringify(doubt));
});
