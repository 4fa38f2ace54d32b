import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  admit,
  afterFailure,
  afterSuccess,
  CLOSED,
  whyLeftAlone,
  type Breaker,
  type BreakerRules,
} from '../../../src/core/policy/breaker.js';

const RULES: BreakerRules = {
  failuresToOpen: 3,
  firstWaitSeconds: 30,
  longestWaitSeconds: 600,
  probeSeconds: 120,
};

function fail(breaker: Breaker, at: number, random = 0.5, atOnce = false): Breaker {
  const failure = { errorClass: 'NetworkError', message: 'refused', at };
  return afterFailure(breaker, failure, RULES, { atOnce, random });
}

test('it opens after so many failures in a row, and a success in between begins anew', () => {
  const two = fail(fail(CLOSED, 0), 1000);
  assert.equal(two.state, 'closed');
  assert.equal(fail(two, 2000).state, 'open');
  assert.equal(fail(fail(afterSuccess(), 0), 0).state, 'closed');
  assert.equal(fail(CLOSED, 0, 0.5, true).state, 'open', 'a refused key needs no second try');
});

test('while it is open nobody is admitted; then one is, to probe, and the others wait for it', () => {
  const open = fail(fail(fail(CLOSED, 0), 0), 0);
  assert.deepEqual(admit(open, 29_000, RULES), { admitted: false, until: 30_000 });
  const probe = admit(open, 30_000, RULES);
  assert.ok(probe.admitted && probe.probe && probe.breaker.state === 'half_open');
  assert.deepEqual(admit(probe.breaker, 31_000, RULES), { admitted: false, until: 150_000 });
  assert.ok(admit(probe.breaker, 150_000, RULES).admitted, 'a probe that was killed is not waited for');
  assert.equal(fail(probe.breaker, 40_000).nextProbeAt, 100_000, 'the while has doubled');
  assert.deepEqual(afterSuccess(), CLOSED);
});

test('failures of what began before it opened do not prolong it', () => {
  const open = fail(fail(fail(CLOSED, 0), 0), 0);
  assert.equal(fail(open, 20_000).nextProbeAt, open.nextProbeAt);
});

test('whatever happens: waits grow, keep to the bound, and it is always probed some time', () =>
  fc.assert(
    fc.property(
      fc.array(fc.record({ wait: fc.nat(1_000_000), random: fc.float({ min: 0, max: 1, noNaN: true }) }), {
        maxLength: 60,
      }),
      (steps) => {
        let [breaker, now] = [CLOSED, 0];
        for (const { wait, random } of steps) {
          now += wait;
          const admission = admit(breaker, now, RULES);
          if (admission.admitted) {
            breaker = fail(admission.breaker, now, random);
          } else {
            assert.ok(admission.until > now && admission.until - now <= 1000 * RULES.longestWaitSeconds);
            assert.ok(admit(breaker, admission.until, RULES).admitted);
          }
          assert.equal(breaker.state === 'closed', breaker.nextProbeAt === undefined);
        }
      },
    ),
  ));

test('it says why it is left alone, and until when', () => {
  const open = fail(fail(fail(CLOSED, 0), 0), 0);
  assert.equal(whyLeftAlone(undefined, 0, 5), undefined);
  assert.match(
    whyLeftAlone(open, 1000, 0) ?? '',
    /left alone until 1970-01-01T00:00:30.000Z after 3 failures in a row \(NetworkError: refused\)/,
  );
  assert.equal(whyLeftAlone(open, 30_000, 0), undefined, 'one may probe');
  assert.match(whyLeftAlone(open, 30_000, 1) ?? '', /is being probed/);
});
