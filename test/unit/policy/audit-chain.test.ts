import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  checkAnchor,
  checkSeal,
  CHAIN_START,
  seal,
  type AuditEntry,
  type AuditSeal,
} from '../../../src/core/policy/audit-chain.js';
import { canonicalJson } from '../../../src/core/utilities/canonical-json.js';

const entry = (id: string, facts: AuditEntry['facts'] = {}): AuditEntry => ({
  id,
  at: '2026-06-01T12:00:00.000001Z',
  action: 'copy_deleted',
  subjectType: 'physical_copy',
  subjectId: 's',
  facts,
});

interface Link {
  seal: AuditSeal;
  entry: AuditEntry;
}

function chain(entries: AuditEntry[]): Link[] {
  const links: Link[] = [];
  for (const one of entries) links.push({ seal: seal(links.at(-1)?.seal ?? CHAIN_START, one), entry: one });
  return links;
}

function check(links: { seal: AuditSeal; entry?: AuditEntry }[]) {
  return links.flatMap((link, i) => checkSeal(links[i - 1]?.seal ?? CHAIN_START, link.seal, link.entry));
}

test('canonical JSON is that of RFC 8785: sorted keys, no white space', () => {
  const value = { ö: 1, b: [true, null, 'x"'], a: { d: 4.5e30, c: -0.1 } };
  assert.equal(canonicalJson(value), '{"a":{"c":-0.1,"d":4.5e+30},"b":[true,null,"x\\""],"ö":1}');
});

test('a chain as it was written has no fault, whatever its entries say', () => {
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), (facts) => {
      const links = chain(
        facts.map((one, i) => entry(String(i), JSON.parse(JSON.stringify(one)) as AuditEntry['facts'])),
      );
      assert.deepEqual(check(links), []);
    }),
  );
});

test('each change, removal and move is found at its place', () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  fc.assert(
    fc.property(
      fc.nat(4),
      fc.nat(4),
      fc.constantFrom('change', 'remove', 'cut', 'swap'),
      (at, other, how) => {
        const links: { seal: AuditSeal; entry?: AuditEntry }[] = chain(ids.map((id) => entry(id)));
        const link = links[at]!;
        if (how === 'change') link.entry = entry(ids[at]!, { forged: true });
        if (how === 'remove') link.entry = undefined;
        if (how === 'cut') links.splice(at, 1);
        if (how === 'swap') [links[at]!.entry, links[other]!.entry] = [links[other]!.entry, links[at]!.entry];
        const faults = check(links);
        if ((how === 'cut' && at === 4) || (how === 'swap' && at === other)) {
          // The end can be cut off without a trace in what is left: that is what anchors are for.
          assert.deepEqual(faults, []);
          return;
        }
        const kinds = { change: 'changed', remove: 'removed', cut: 'gap', swap: 'changed' } as const;
        assert.equal(faults[0]?.kind, kinds[how]);
        assert.equal(
          faults[0].sequence,
          how === 'swap' ? Math.min(at, other) + 1 : how === 'cut' ? at + 2 : at + 1,
        );
      },
    ),
  );
});

test('a chain that was written anew from some place on is found by its anchor', () => {
  const old = chain(['a', 'b', 'c'].map((id) => entry(id)));
  const forged = chain([entry('a'), entry('b', { forged: true }), entry('c')]);
  assert.deepEqual(check(forged), []);
  const anchor = old[2]!.seal;
  assert.deepEqual(checkAnchor(anchor, old[2]!.seal.hash), []);
  assert.equal(checkAnchor(anchor, forged[2]!.seal.hash)[0]?.kind, 'anchor_differs');
  assert.equal(checkAnchor(anchor, undefined)[0]?.kind, 'cut_off');
});
