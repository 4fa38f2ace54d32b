import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NAME, sendBundle } from './support/bundle-journey.js';
import { withTemporal } from './support/temporal.js';

test('what arrived damaged is sent again, and the origin hears that it was', { timeout: 60_000 }, () =>
  withTemporal(async (lab) => {
    const told: (boolean | undefined)[] = [];
    const origin = {
      transferPackages: ({ again }: { again?: boolean }) => {
        told.push(again);
        return Promise.resolve({ failed: [] });
      },
    };
    const damage = {
      packageId: '1',
      name: NAME,
      errorClass: 'ChecksumVerificationError',
      message: 'it differs',
    };
    const destination = {
      verifyPackages: () => Promise.resolve({ arrived: [], damaged: told.length === 1 ? [damage] : [] }),
    };
    const catalogue = { recordArrival: () => Promise.resolve([]) };
    await sendBundle(lab, { catalogue, origin, destination });
    assert.deepEqual(told, [false, true]);
  }),
);
