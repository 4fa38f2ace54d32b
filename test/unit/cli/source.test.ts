import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { dataDirectoryOf, resolveForUser } from '../../../src/client/cli/directories.js';
import { checkSource, isWithin, sourceLocationName } from '../../../src/client/cli/up/source.js';
import { topology } from '../../../src/client/cli/up/topology.js';
import type { Location } from '../../../src/core/database/records.js';
import { ConfigurationError, PermanentError } from '../../../src/core/exceptions.js';
import { isSlug } from '../../../src/core/queue-discovery.js';

void describe("the name of a source's location", () => {
  void it('keeps what people recognise and adds what tells two folders apart', () => {
    assert.match(
      sourceLocationName('/data/Prime-Cam Nächte_2026'),
      /^source-prime-cam-na-chte-2026-[0-9a-f]{6}$/,
    );
    assert.notEqual(sourceLocationName('/a/night'), sourceLocationName('/b/night'));
    assert.equal(sourceLocationName('/a/night'), sourceLocationName('/a/night'));
    assert.match(sourceLocationName('/'), /^source-[0-9a-f]{6}$/);
  });

  void it('can be part of a queue name, whatever the folder is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) =>
        isSlug(sourceLocationName(`/data/${name}`)),
      ),
    );
  });
});

void describe('the check of a source', () => {
  let base = '';
  before(async () => {
    base = await realpath(await mkdtemp(join(tmpdir(), 'cdt-source-')));
    await mkdir(join(base, 'in', 'deep'), { recursive: true });
    await writeFile(join(base, 'file'), '');
    await symlink(join(base, 'in'), join(base, 'link'));
  });
  after(() => rm(base, { recursive: true }));

  void it('gives the real path of a directory, of a link to one too', async () => {
    assert.equal(await checkSource(join(base, 'link'), join(base, 'data')), join(base, 'in'));
  });

  void it('says what is wrong with what does not exist or is no directory', async () => {
    await assert.rejects(
      checkSource(join(base, 'no'), join(base, 'data')),
      (error) => error instanceof PermanentError && error.message.endsWith('does not exist'),
    );
    await assert.rejects(checkSource(join(base, 'file'), join(base, 'data')), /is not a directory/);
    await assert.rejects(
      checkSource(join(base, 'file', 'below'), join(base, 'data')),
      /can't be reached \(ENOTDIR\)/,
    );
  });

  void it('refuses a source that lies in the data directory or holds it, also behind a link', async () => {
    for (const data of [
      join(base, 'in'),
      base,
      join(base, 'in', 'deep'),
      join(base, 'link', 'not-there-yet', 'data'),
    ]) {
      await assert.rejects(checkSource(join(base, 'in'), data), ConfigurationError, data);
    }
  });

  void it('is not misled by names that begin alike', () => {
    assert.equal(isWithin('/data2', '/data'), false);
    assert.equal(isWithin('/data/2', '/data'), true);
    assert.equal(isWithin('/data', '/'), true);
  });
});

void describe('the directories', () => {
  void it('take the data directory from the option, then the environment, then the project', () => {
    const environment = { CCAT_DATA_TRANSFER_DATA_DIR: '/from/environment' };
    assert.equal(dataDirectoryOf('/given', environment), '/given');
    assert.equal(dataDirectoryOf(undefined, environment), '/from/environment');
    assert.match(dataDirectoryOf(undefined, {}), /\/\.cdt$/);
  });

  void it('are relative to where the user stood when npm ran the command', () => {
    const project = dataDirectoryOf(undefined, {}).replace(/\/\.cdt$/, '');
    const environment = { npm_lifecycle_event: 'start', INIT_CWD: '/home/user' };
    assert.equal(resolveForUser('night', environment, project), '/home/user/night');
    assert.equal(resolveForUser('night', environment, '/elsewhere'), '/elsewhere/night');
    assert.equal(resolveForUser('night', {}, project), `${project}/night`);
  });
});

void describe('the topology of one machine', () => {
  void it('switches the sources of earlier runs off, and never lets them be deleted from', () => {
    const source = { name: 'source-b-000000', directory: '/b', deletable: false };
    const known = topology(
      { name: 'source-a-000000', directory: '/a', deletable: true },
      '/data',
      [],
    ).locations.map((one, i): Location => ({ ...one, id: String(i) }));
    const { locations } = topology(source, '/data', known);
    const sources = locations
      .filter((one) => one.locationType === 'source')
      .map(({ name, active, deletable }) => ({ name, active, deletable }));
    assert.deepEqual(sources, [
      { name: 'source-a-000000', active: false, deletable: false },
      { name: 'source-b-000000', active: true, deletable: false },
    ]);
    assert.equal(locations.length, 5);
  });
});
