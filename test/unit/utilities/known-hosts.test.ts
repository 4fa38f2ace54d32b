import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprint, judgeHostKey, knownKeyTypes } from '../../../src/core/utilities/known-hosts.js';

const KEY = Buffer.from('the key of the host');
const OTHER = Buffer.from('another key');
const line = (hosts: string, key = KEY, type = 'ssh-ed25519') => `${hosts} ${type} ${key.toString('base64')}`;

/** The verdict on KEY for buffer.example.org:22 or another host. */
const judge = (text: string, host = 'buffer.example.org', port = 22) => judgeHostKey(text, host, port, KEY);

test('a key that is listed for the host is trusted', () => {
  assert.equal(judge(line('buffer.example.org')), 'trusted');
  assert.equal(
    judge(`# a comment\n\n${line('other.example.org,Buffer.Example.org')} its comment\r\n`),
    'trusted',
  );
});

test('a key that is listed for nobody, for another host or for another port is unknown', () => {
  assert.equal(judge(''), 'unknown');
  assert.equal(judge(line('other.example.org')), 'unknown');
  assert.equal(judge(line('bufferXexample.org')), 'unknown');
  assert.equal(judge(line('[buffer.example.org]:2222')), 'unknown');
  assert.equal(judge(line('buffer.example.org'), 'buffer.example.org', 2222), 'unknown');
});

test('another port is written in brackets', () => {
  assert.equal(judge(line('[buffer.example.org]:2222'), 'buffer.example.org', 2222), 'trusted');
});

test('a host that is listed with other keys only has changed', () => {
  assert.equal(judge(line('buffer.example.org', OTHER)), 'changed');
  assert.equal(
    judge(`${line('buffer.example.org', OTHER, 'ssh-rsa')}\n${line('buffer.example.org')}`),
    'trusted',
  );
});

test('a revoked key is refused, whatever else is listed', () => {
  assert.equal(judge(`${line('buffer.example.org')}\n@revoked ${line('*')}`), 'revoked');
});

test('the key of a certificate authority is no key of a host', () => {
  assert.equal(judge(`@cert-authority ${line('*.example.org')}`), 'unknown');
});

test('patterns match, and an exception excludes', () => {
  assert.equal(judge(line('*.example.org')), 'trusted');
  assert.equal(judge(line('buffe?.example.org')), 'trusted');
  assert.equal(judge(line('*.example.org,!buffer.example.org')), 'unknown');
  assert.equal(judge(line('!other.example.org')), 'unknown');
});

test('a hashed name matches its host alone', () => {
  // Written by ssh-keygen -H.
  const hashed = '|1|MC5Ffp4reqa53NGiq0MOivoFFfg=|zzMulohxeoR6BWLPCQj3MtUPc4A=';
  assert.equal(judge(line(hashed)), 'trusted');
  assert.equal(judge(line(hashed), 'other.example.org'), 'unknown');
  assert.equal(judge(line('|2|strange')), 'unknown');
});

test('the types of the listed keys are known, without those of revoked ones', () => {
  const text = [
    line('h', KEY, 'ssh-rsa'),
    line('h', OTHER),
    line('h', OTHER),
    `@revoked ${line('h', KEY, 'ssh-dss')}`,
  ].join('\n');
  assert.deepEqual(knownKeyTypes(text, 'h', 22), ['ssh-rsa', 'ssh-ed25519']);
});

test('a fingerprint is written as ssh writes it', () => {
  assert.match(fingerprint(KEY), /^SHA256:[A-Za-z0-9+/]{43}$/);
});
