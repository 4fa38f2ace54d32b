import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { loadConfiguration, readConfiguration } from '../../src/core/configuration.js';
import { ConfigurationError } from '../../src/core/exceptions.js';

const P = 'CCAT_DATA_TRANSFER_';
const URL_OF_CATALOGUE = 'postgresql://cdt:hunter2@db.example:5432/catalogue';

void describe('the configuration', () => {
  let directory = '';
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'cdt-configuration-'));
  });
  after(() => rm(directory, { recursive: true }));

  let files = 0;
  async function file(text: string, mode = 0o600): Promise<string> {
    const path = join(directory, `file-${++files}`);
    await writeFile(path, text);
    await chmod(path, mode);
    return path;
  }

  async function problemsOf(text: string, environment: NodeJS.ProcessEnv = {}): Promise<string[]> {
    const path = await file(text);
    const outcome = readConfiguration({ [`${P}CONFIG`]: path, ...environment });
    assert.ok('problems' in outcome, 'it was taken');
    return outcome.problems.map((one) => one.replaceAll(path, 'FILE'));
  }

  void it('is the defaults where nothing is said, typed and frozen', () => {
    const configuration = loadConfiguration({ PATH: '/bin' });
    assert.equal(configuration.values['log.level'], 'info');
    assert.equal(configuration.values['database.url'], undefined);
    assert.deepEqual(configuration.settings, {});
    assert.throws(() => Object.assign(configuration.values, { 'log.level': 'debug' }), TypeError);
    assert.throws(() => Object.assign(configuration, { file: 'x' }), TypeError);
    assert.throws(() => Object.assign(configuration.settings, { x: 1 }), TypeError);
  });

  void it('takes the environment before the section, the section before [default], that before the defaults', async () => {
    const levels = ['error', 'warn', 'info', 'debug'] as const;
    const maybe = fc.option(fc.constantFrom(...levels), { nil: undefined });
    await fc.assert(
      fc.asyncProperty(
        fc.record({ variable: maybe, production: maybe, staging: maybe, defaults: maybe }),
        fc.constantFrom('staging', 'production'),
        async (given, chosen) => {
          const section = (name: string, level?: string) =>
            level === undefined ? '' : `[${name}]\nlog.level = "${level}"\n`;
          const path = await file(
            section('default', given.defaults) +
              section('staging', given.staging) +
              section('production', given.production),
          );
          const { values, entries } = loadConfiguration({
            [`${P}CONFIG`]: path,
            [`${P}ENVIRONMENT`]: chosen,
            ...(given.variable === undefined ? {} : { [`${P}LOG_LEVEL`]: given.variable }),
          });
          const ranked: [string, string | undefined][] = [
            [`${P}LOG_LEVEL`, given.variable],
            [`${path} [${chosen}]`, chosen === 'staging' ? given.staging : given.production],
            [`${path} [default]`, given.defaults],
            ['default', 'info'],
          ];
          const [from, level] = ranked.find(([, value]) => value !== undefined)!;
          assert.equal(values['log.level'], level);
          const entry = entries.find(({ key }) => key === 'log.level');
          assert.deepEqual([entry?.shown, entry?.from], [level, from]);
        },
      ),
    );
  });

  void it('gives settings the values of the file and of their variables, with units', async () => {
    const path = await file(
      'environment = "localdev"\n[default.packaging]\nmax_bytes = "20GB"\nmax_files = 10\n[localdev]\ndeletion.required_copies = 2\n',
    );
    const { settings, environment } = loadConfiguration({
      [`${P}CONFIG`]: path,
      [`${P}PACKAGE_FILES`]: '99',
      [`${P}STALL_SECONDS`]: '2 min',
    });
    assert.equal(environment, 'localdev');
    assert.deepEqual(settings, {
      'packaging.max_bytes': 20e9,
      'packaging.max_files': 99,
      'deletion.required_copies': 2,
      'liveness.stall_seconds': 120,
    });
  });

  void it('names everything that is wrong at once: the key, where it stands, and what is expected', async () => {
    const problems = await problemsOf(
      [
        '[default.log]',
        'levle = "info"',
        'format = "yaml"',
        '[default.packaging]',
        'max_bytes = "6TB"',
        '[prodution]',
        'log.level = "info"',
        '[staging]',
        'deletion = { required_copies = 0 }',
      ].join('\n'),
      { [`${P}ENVIRONMENT`]: 'stagin', [`${P}PAKAGE_BYTES`]: '5', [`${P}BUNDLE_PACKAGES`]: '51' },
    );
    assert.deepEqual(problems, [
      'FILE:6: prodution: no such section; did you mean [production]?',
      `${P}ENVIRONMENT: "stagin" is not one of localdev, staging, production; did you mean staging?`,
      'FILE:2: [default] log.levle: unknown key; did you mean log.level?',
      'FILE:3: [default] log.format: "yaml" is not one of json, text',
      'FILE:5: [default] packaging.max_bytes: "6TB" is not a size from 1 B to 5 TB',
      'FILE:9: [staging] deletion.required_copies: "0" is not a whole number from 1 copies to 20 copies',
      `${P}BUNDLE_PACKAGES: "51" is not a whole number from 1 packages to 50 packages`,
      `${P}PAKAGE_BYTES: unknown variable; did you mean ${P}PACKAGE_BYTES?`,
    ]);
  });

  void it('does not guess which environment holds', async () => {
    const [problem] = await problemsOf('[staging]\nlog.level = "debug"\n[production]\nlog.level = "info"\n');
    assert.match(problem ?? '', /FILE: it has the sections staging, production; say which holds/);
  });

  void it('refuses a file that is missing, or no TOML, and tells the line without quoting it', async () => {
    const [broken] = await problemsOf('[default]\ndatabase.url = "hunter2\n');
    assert.match(broken ?? '', /^FILE:2: /);
    assert.doesNotMatch(broken ?? '', /hunter2/);
    const missing = readConfiguration({ [`${P}CONFIG`]: '/nowhere/at/all.toml' });
    assert.ok('problems' in missing);
    assert.deepEqual(missing.problems, ["/nowhere/at/all.toml: can't be read (ENOENT)"]);
  });

  void it('tells what is missing', () => {
    assert.throws(
      () => loadConfiguration({}, ['database.url']),
      /database.url: missing; set CCAT_\w+_DATABASE_URL/,
    );
  });

  void it('keeps secrets out of the file, of messages, of what is shown and of what is printed', async () => {
    const problems = await problemsOf(
      `[default]\ns3.secret_access_key = "hunter2"\ndatabase.url = "${URL_OF_CATALOGUE}"\n`,
      { [`${P}REDIS_URL`]: 'http://:hunter2@redis' },
    );
    assert.deepEqual(problems, [
      `FILE:2: [default] s3.secret_access_key: a secret has no place in this file; set ${P}S3_SECRET_ACCESS_KEY or s3.secret_access_key_file`,
      `FILE:3: [default] database.url: a secret has no place in this file; set ${P}DATABASE_URL or database.url_file`,
      `${P}REDIS_URL: what is given (not shown) is not a URL redis://… or rediss://…`,
    ]);
    const configuration = loadConfiguration({
      [`${P}DATABASE_URL`]: URL_OF_CATALOGUE,
      [`${P}S3_SECRET_ACCESS_KEY`]: 'hunter2',
    });
    assert.doesNotMatch(inspect(configuration, { depth: 9 }), /hunter2/);
    assert.doesNotMatch(JSON.stringify(configuration), /hunter2/);
    const shown = new Map(configuration.entries.map((one) => [one.key, one.shown]));
    assert.equal(shown.get('database.url'), 'postgresql://cdt:***@db.example:5432/catalogue');
    assert.equal(shown.get('s3.secret_access_key'), '***');
    assert.equal(configuration.values['database.url']?.reveal(), URL_OF_CATALOGUE);
  });

  void it('reads a secret from a file that not everybody can read', async () => {
    const secret = await file(`${URL_OF_CATALOGUE}\n`);
    const byVariable = loadConfiguration({ [`${P}DATABASE_URL_FILE`]: secret });
    assert.equal(byVariable.values['database.url']?.reveal(), URL_OF_CATALOGUE);
    const byFile = loadConfiguration({
      [`${P}CONFIG`]: await file(`[default]\ndatabase.url_file = "${secret}"\n`),
    });
    assert.equal(byFile.values['database.url']?.reveal(), URL_OF_CATALOGUE);

    const open = await file(URL_OF_CATALOGUE, 0o644);
    assert.throws(
      () => loadConfiguration({ [`${P}DATABASE_URL_FILE`]: open }),
      (error) =>
        error instanceof ConfigurationError && error.message.includes(`${open} is readable for everybody`),
    );
    const empty = await file('\n');
    assert.throws(() => loadConfiguration({ [`${P}DATABASE_URL_FILE`]: empty }), /is empty/);
    assert.throws(
      () => loadConfiguration({ [`${P}DATABASE_URL_FILE`]: '/nowhere' }),
      /can't be read \(ENOENT\)/,
    );
    assert.throws(
      () => loadConfiguration({ [`${P}DATABASE_URL_FILE`]: secret, [`${P}DATABASE_URL`]: URL_OF_CATALOGUE }),
      /DATABASE_URL: set twice/,
    );
  });

  void it('knows the S3 keys of single places, from files too', async () => {
    const secret = await file('hunter2\n');
    const environment = loadConfiguration({
      [`${P}S3_COLOGNE_LTA_ACCESS_KEY_ID`]: 'key',
      [`${P}S3_COLOGNE_LTA_SECRET_ACCESS_KEY_FILE`]: secret,
    }).asEnvironment();
    assert.equal(environment[`${P}S3_COLOGNE_LTA_SECRET_ACCESS_KEY`], 'hunter2');
    assert.equal(environment[`${P}S3_COLOGNE_LTA_SECRET_ACCESS_KEY_FILE`], undefined);
  });

  void it('as variables it is the same configuration again', async () => {
    const path = await file(
      '[production]\npackaging.max_bytes = "20GB"\nlog.level = "warn"\ns3.region = "eu"\n',
    );
    const first = loadConfiguration({ [`${P}CONFIG`]: path, [`${P}ENVIRONMENT`]: 'production' });
    const again = loadConfiguration(first.asEnvironment());
    assert.deepEqual([again.values, again.settings], [first.values, first.settings]);
    assert.equal(first.asEnvironment()[`${P}S3_REGION`], 'eu');
  });
});
