import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot } from '../../src/client/embedded/project-root.js';
import { parseConfigurationFile } from '../../src/core/configuration/file.js';
import { keyRows, settingRows } from '../../src/core/configuration/reference.js';
import { readConfiguration } from '../../src/core/configuration.js';

const docs = join(projectRoot(), 'docs');

test('docs/configuration.md has a line for every key and setting, as the program has it, and none else', () => {
  const page = readFileSync(join(docs, 'configuration.md'), 'utf8');
  const written = page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  assert.deepEqual(written.map(line), [...keyRows(), ...settingRows()].map(line));
});

test('the example file says nothing unknown or wrong', () => {
  const path = join(docs, 'example-config.toml');
  const problems: string[] = [];
  assert.equal(parseConfigurationFile(readFileSync(path, 'utf8'), path, problems).environment, 'production');
  assert.deepEqual(problems, []);
  const outcome = readConfiguration({
    CCAT_DATA_TRANSFER_CONFIG: path,
    CCAT_DATA_TRANSFER_ENVIRONMENT: 'localdev',
  });
  assert.ok('configuration' in outcome, JSON.stringify(outcome));
  assert.equal(outcome.configuration.settings['packaging.quiet_seconds'], 2);
  assert.equal(outcome.configuration.settings['deletion.required_copies'], 2);
});
