import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { ALL_KEYS } from '../../src/core/configuration/keys.js';
import { projectRoot } from '../../src/client/embedded/project-root.js';

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  depends_on?: Record<string, { condition: string }>;
  environment?: Record<string, string | number>;
  healthcheck?: { test: string[] };
  volumes?: string[];
  networks?: string[];
  ports?: string[];
  restart?: string;
  command?: string[];
}

const root = projectRoot();
const file = join(root, 'temporal-docker-compose.yml');
const text = readFileSync(file, 'utf8');
const compose = parse(text, { merge: true }) as {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, unknown>;
};
const services = Object.entries(compose.services);
const exampleText = readFileSync(join(root, 'deploy', 'env.example'), 'utf8');
const example = [...exampleText.matchAll(/^([A-Z0-9_]+)=/gm)].map(([, name = '']) => name);
const ours = services.filter(([, { image }]) => image?.startsWith('ccat-data-transfer:') === true);

describe('temporal-docker-compose.yml', () => {
  it('has every part of the system: Temporal, its UI and database, catalogue, archive, and a worker for each site', () => {
    const names = ['temporal-database', 'temporal-schema', 'temporal', 'temporal-namespace', 'temporal-ui'];
    names.push('catalogue', 'object-store', 'set-up', 'worker-ccat', 'worker-cologne');
    assert.deepEqual(services.map(([name]) => name).sort(), names.sort());
  });

  it('pins every image to a version', () => {
    for (const [name, { image }] of services)
      assert.match(image ?? '', /^[a-z/-]+:v?\d+\.\d+(\.\d+)?$/, name);
    const dockerfile = readFileSync(join(root, 'deploy', 'Dockerfile'), 'utf8');
    for (const [, image] of dockerfile.matchAll(/^FROM (\S+)/gm))
      assert.match(image ?? '', /^node:\d+\.\d+\.\d+-\w+-slim$/);
  });

  it('waits for parts that exist, and only in ways that can come true', () => {
    for (const [name, service] of services) {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        const other = compose.services[needed];
        assert.ok(other !== undefined, `${name} needs ${needed}, which is not there`);
        const ends = ['no', 'on-failure'].includes(other.restart ?? 'no');
        const canComeTrue = {
          service_healthy: other.healthcheck !== undefined,
          service_completed_successfully: ends,
        };
        assert.ok(
          canComeTrue[condition as keyof typeof canComeTrue],
          `${name} waits for ${needed}: ${condition}`,
        );
      }
    }
  });

  it('names only volumes, networks and files that exist', () => {
    for (const [name, service] of services) {
      for (const network of service.networks ?? [])
        assert.ok(network in compose.networks, `${name}: ${network}`);
      for (const volume of service.volumes ?? []) {
        const [from = ''] = volume.split(/:(?=\/)/);
        if (from.startsWith('./')) assert.ok(existsSync(join(root, from)), `${name}: ${from}`);
        else if (!from.startsWith('$')) assert.ok(from in compose.volumes, `${name}: ${from}`);
      }
      if (service.build !== undefined) assert.ok(existsSync(join(root, service.build.dockerfile)), name);
    }
  });

  it('publishes nothing beyond this machine', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    assert.ok(ports.length > 0);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/);
  });

  it('takes every secret from the environment, refuses to start without, and lists each in the example', () => {
    const used = [...text.matchAll(/\$\{(\w+)([^}]*)\}/g)];
    assert.ok(used.length > 0);
    for (const [whole, , rest] of used) assert.match(rest ?? '', /^:\?.+/, whole);
    assert.deepEqual([...new Set(used.map(([, name]) => name))].sort(), [...example].sort());
    for (const [name, { environment = {} }] of services) {
      const secrets = Object.entries(environment).filter(([key]) =>
        /PASSWORD|PWD|SECRET|ACCESS_KEY/.test(key),
      );
      for (const [key, value] of secrets) assert.match(String(value), /^\$\{/, `${name}: ${key}`);
    }
  });

  it('sets only variables that the program reads', () => {
    const variables = new Set([...ALL_KEYS.values()].map(({ variable }) => variable));
    assert.ok(ours.length >= 3);
    for (const [name, { environment = {} }] of ours) {
      for (const key of Object.keys(environment)) {
        const known = variables.has(key) || key.startsWith('TEMPORAL_');
        assert.ok(known, `${name}: ${key} is read nowhere`);
      }
    }
  });

  it('runs commands that the command line has, with options that they have', () => {
    for (const [name, { command = [] }] of ours) {
      const [verb = '', ...rest] = command;
      const help = execFileSync(process.execPath, [join(root, 'bin', 'cdt.mjs'), 'help', verb], {
        encoding: 'utf8',
      });
      assert.match(help, new RegExp(`^Usage: cdt ${verb}\\b`), name);
      const options = rest.filter((word) => word.startsWith('--'));
      for (const option of options)
        assert.ok(help.includes(`${option} `), `${name}: ${verb} has no ${option}`);
    }
  });

  it('has shell scripts that a shell can read', () => {
    for (const script of ['schema.sh', 'namespace.sh']) {
      const { status, stderr } = spawnSync('sh', ['-n', join(root, 'deploy', 'temporal', script)], {
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
    }
  });

  it('is accepted by Docker Compose, where there is one', (t) => {
    if (spawnSync('docker', ['compose', 'version']).status !== 0) {
      // The checks above stand in for it.
      t.diagnostic('no Docker Compose here');
      return;
    }
    const env = { ...process.env, ...Object.fromEntries(example.map((name) => [name, '/value'])) };
    const args = ['compose', '-f', file, 'config', '--quiet'];
    const { status, stderr } = spawnSync('docker', args, { env, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
});
