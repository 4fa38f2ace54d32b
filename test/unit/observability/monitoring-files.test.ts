import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import * as exceptions from '../../../src/core/exceptions.js';
import { Metrics } from '../../../src/core/metrics.js';

/** The dashboard and the alert rules against what the code exports. */

const FOLDER = fileURLToPath(new URL('../../../../deploy/monitoring/', import.meta.url));
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8');

const exported = new Map(
  new Metrics().registry
    .getMetricsAsArray()
    .map((metric) => [metric.name, (metric as unknown as { labelNames: string[] }).labelNames]),
);

/** `name{label=...}` of an expression, histograms by their base name. */
function used(expression: string): { name: string; labels: string[] }[] {
  return [...expression.matchAll(/\b(cdt_[a-z_]+)(?:\{([^}]*)\})?/g)].map(([, name = '', inner = '']) => ({
    name: exported.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''),
    labels: [...inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  }));
}

const dashboard = JSON.parse(read('grafana-dashboard.json')) as {
  panels: { title: string; targets: { expr: string; legendFormat: string }[] }[];
};
const rules = (
  parse(read('alerts.yaml')) as {
    groups: { rules: { alert: string; expr: string; annotations: { summary: string; action: string } }[] }[];
  }
).groups.flatMap((group) => group.rules);

test('every metric and label that the dashboard and the alerts name is one that the code exports', () => {
  const expressions = [
    ...dashboard.panels.flatMap((panel) => panel.targets.map(({ expr }) => [panel.title, expr] as const)),
    ...rules.map((rule) => [rule.alert, rule.expr] as const),
  ];
  let checked = 0;
  for (const [where, expression] of expressions)
    for (const { name, labels } of used(expression)) {
      const known = exported.get(name);
      assert.ok(known, `${where}: ${name} is not exported`);
      for (const label of labels) assert.ok(known.includes(label), `${where}: ${name} has no label ${label}`);
      checked += 1;
    }
  assert.ok(checked >= 30);
});

test('every error class that an alert names is one of ours', () => {
  for (const { expr } of rules)
    for (const [, classes = ''] of expr.matchAll(/error_class=~?"([^"]+)"/g))
      for (const name of classes.split('|')) assert.ok(Object.hasOwn(exceptions, name), name);
});

test('every alert says what to do', () => {
  for (const { alert, annotations } of rules)
    assert.ok(annotations.summary !== '' && annotations.action !== '', alert);
});

test('names end in their unit, counters in _total', () => {
  for (const metric of new Metrics().registry.getMetricsAsArray()) {
    const type = (metric as unknown as { type: string }).type;
    assert.match(metric.name, /^cdt_[a-z][a-z0-9_]*$/);
    assert.equal(metric.name.endsWith('_total'), type === 'counter', metric.name);
    assert.ok(metric.help !== '');
  }
});
