import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Io } from '../../../src/client/cli/io.js';
import { program } from '../../../src/client/cli/main.js';

const PAGE = fileURLToPath(new URL('../../../../docs/operations.md', import.meta.url));
const NO_IO: Io = { environment: {}, out: () => undefined, err: process.stderr, exit: () => undefined };

const cdt = program(NO_IO);
const named = (command: Command) => command.commands.filter((one) => one.name() !== 'help');

test('the page for operators names every command, and no other', () => {
  const rows = readFileSync(PAGE, 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `cdt '))
    .map((line) => line.slice(0, line.search(/[^\\]\|/) + 1));
  const text = rows.join('\n');
  for (const command of named(cdt)) {
    const row = rows.filter((one) => new RegExp(`(cdt )${command.name()}\\b`).test(one)).join('\n');
    assert.notEqual(row, '', `cdt ${command.name()} stands in no row`);
    for (const one of named(command))
      assert.match(
        row,
        new RegExp(`\\b${one.name()}\\b`),
        `cdt ${command.name()} ${one.name()} is not named`,
      );
  }
  const names = named(cdt).map((one) => one.name());
  for (const [, name] of text.matchAll(/cdt ([a-z-]+)/g))
    assert.ok(names.includes(name ?? ''), `there is no cdt ${name ?? ''}`);
});

test('every command says in its own help what it does', () => {
  const all = (command: Command): Command[] => [command, ...named(command).flatMap(all)];
  for (const command of all(cdt)) {
    const help = command.helpInformation();
    const said = command.description() || command.summary();
    assert.notEqual(said, '', command.name());
    assert.ok(help.replace(/\s+/g, ' ').includes(said.replace(/\s+/g, ' ')), `${command.name()}: ${help}`);
    assert.ok(!help.replace(/\s+/g, ' ').includes('default: false'), command.name());
  }
});
