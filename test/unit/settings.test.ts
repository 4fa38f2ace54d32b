import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DatabaseError } from '../../src/core/exceptions.js';
import { effective, SettingsManager, type StoredSetting } from '../../src/core/settings-manager.js';
import { definitionOf, SETTING_NAMES, SETTINGS, type SettingName } from '../../src/core/settings-registry.js';
import { checkValue, formatValue, parseValue } from '../../src/core/value-kinds.js';

test('every default and every bound is a value of its setting', () => {
  for (const name of SETTING_NAMES) {
    const definition = definitionOf(name);
    const bounds = 'min' in definition ? [definition.min, definition.max] : [];
    for (const value of [definition.default, ...bounds])
      assert.deepEqual(checkValue(definition, value), { value }, name);
  }
});

test('values are read with their units and told back in them', () => {
  const sizes: [string, number][] = [
    ['50GB', 50e9],
    ['50 gb', 50e9],
    ['0.3GB', 300_000_000],
    ['1KiB', 1024],
    ['12', 12],
    ['1_000', 1000],
    ['5e3', 5000],
  ];
  for (const [text, value] of sizes)
    assert.deepEqual(parseValue(definitionOf('packaging.max_bytes'), text), { value }, text);
  const hours: [string, number][] = [
    ['24h', 24],
    ['2 days', 48],
    ['90 min', 1.5],
    ['36', 36],
  ];
  for (const [text, value] of hours)
    assert.deepEqual(parseValue(definitionOf('deletion.verification_age_hours'), text), { value }, text);
  assert.deepEqual(parseValue(definitionOf('liveness.stall_seconds'), '1.5m'), { value: 90 });
  assert.equal(formatValue(definitionOf('packaging.max_bytes'), 50e9), '50 GB');
  assert.equal(formatValue(definitionOf('packaging.max_bytes'), 3 * 2 ** 30), '3 GiB');
  assert.equal(formatValue(definitionOf('packaging.max_bytes'), 123_456_789_123), '123456789123 B');
  assert.equal(formatValue(definitionOf('deletion.verification_age_hours'), 24), '24 h');
  assert.equal(formatValue(definitionOf('transfer.bundle_packages'), 20), '20 packages');
});

test('what a value is told as is read as that value again', () => {
  for (const name of SETTING_NAMES) {
    const definition = definitionOf(name);
    if (!('min' in definition)) continue;
    const whole = definition.type === 'integer' || definition.type === 'bytes';
    const values = whole
      ? fc.maxSafeInteger().filter((value) => value >= definition.min && value <= definition.max)
      : fc.double({ min: definition.min, max: definition.max, noNaN: true });
    const anyValue = whole
      ? fc.oneof(fc.integer({ min: definition.min, max: definition.max }), values)
      : values;
    fc.assert(
      fc.property(anyValue, (value) => {
        assert.deepEqual(parseValue(definitionOf(name), formatValue(definitionOf(name), value)), { value });
      }),
    );
  }
});

test('what is no value is refused with what is expected', () => {
  const wrong: [SettingName, string, RegExp][] = [
    ['packaging.max_bytes', 'much', /"much" is not a size from 1 B to 5 TB/],
    ['packaging.max_bytes', '', /not a size/],
    ['packaging.max_bytes', '6TB', /"6TB" is not a size from 1 B to 5 TB/],
    ['packaging.max_bytes', '-1', /not a size/],
    ['packaging.max_bytes', '5 hours', /not a size/],
    ['packaging.max_files', '1.5', /not a whole number from 1 files to 1000000 files/],
    ['transfer.bundle_packages', '51', /not a whole number/],
    ['liveness.stall_seconds', '10GB', /not a duration from 1 s to 86400 s/],
    ['liveness.stall_seconds', 'Infinity', /not a duration/],
    ['liveness.stall_seconds', '\u001b[31mred', /^"\S*31mred" is not/],
  ];
  for (const [name, text, reason] of wrong) {
    const checked = parseValue(definitionOf(name), text);
    assert.ok('reason' in checked, `${name} ${text}`);
    assert.match(checked.reason, reason);
  }
  for (const value of [null, {}, [], true, NaN])
    assert.ok('reason' in checkValue(definitionOf('packaging.max_files'), value));
});

test('the narrowest place wins, then the configuration, then the default', () => {
  const NAME = 'packaging.max_files';
  const maybe = fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined });
  fc.assert(
    fc.property(
      fc.record({ location: maybe, site: maybe, global: maybe, configuration: maybe, elsewhere: maybe }),
      fc.constantFrom({}, { site: 's' }, { site: 's', location: 'l' }),
      (given, place: { site?: string; location?: string }) => {
        const stored: StoredSetting[] = [
          { name: NAME, site: 's', location: 'l', value: given.location },
          { name: NAME, site: 's', value: given.site },
          { name: NAME, value: given.global },
          { name: NAME, site: 'other', value: given.elsewhere },
          { name: NAME, site: 'other', location: 'l', value: given.elsewhere },
          { name: 'transfer.bundle_packages', site: 's', location: 'l', value: 7 },
        ].filter((one) => one.value !== undefined);
        const configured = given.configuration === undefined ? {} : { [NAME]: given.configuration };
        const expected = [
          place.location === undefined ? undefined : given.location,
          place.site === undefined ? undefined : given.site,
          given.global,
          given.configuration,
          SETTINGS[NAME].default,
        ].find((value) => value !== undefined);
        assert.equal(effective(NAME, place, stored, configured).value, expected);
      },
    ),
  );
});

test('a value in the catalogue that is none is an error, not a default', () => {
  const stored = [{ name: 'deletion.required_copies', site: 'cologne', value: 0 }];
  assert.throws(
    () => effective('deletion.required_copies', { site: 'cologne' }, stored, {}),
    /deletion.required_copies \(cologne\): "0" is not/,
  );
  assert.equal(effective('deletion.required_copies', { site: 'us' }, stored, {}).from, 'default');
});

test('while the catalogue is away the last values hold; without any, nothing does', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  let answer: () => Promise<StoredSetting[]> = () => Promise.reject(new DatabaseError('away'));
  const settings = new SettingsManager({ stored: () => answer() });
  await assert.rejects(settings.get('packaging.max_files'), DatabaseError);

  answer = () => Promise.resolve([{ name: 'packaging.max_files', value: 5 }]);
  assert.equal(await settings.get('packaging.max_files'), 5);

  now += 60_000;
  answer = () => Promise.reject(new DatabaseError('away'));
  assert.equal(await settings.get('packaging.max_files'), 5);

  // A catalogue that does not even answer keeps nobody waiting for long.
  now += 60_000;
  answer = () => new Promise(() => undefined);
  const waiting = settings.get('packaging.max_files');
  t.mock.timers.tick(1000);
  assert.equal(await waiting, 5);
});

test('many who ask at once are one question to the catalogue', async () => {
  let asked = 0;
  const settings = new SettingsManager({
    stored: () => {
      asked += 1;
      return Promise.resolve([]);
    },
  });
  await Promise.all(SETTING_NAMES.map((name) => settings.get(name)));
  assert.equal(asked, 1);
});
