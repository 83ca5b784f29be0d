import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { CHECKOUT } from '../../packages/cli/src/farm/location.ts';
import { dashboardFiles } from '../../scripts/generate-dashboards.ts';
import { ALERTS, RULE_TESTS, RULES, readCases, readRules, unknownMetrics } from '../support/alert-rules.ts';
import { debian13 } from '../support/debian13.ts';

/* The shipped alert rules as Prometheus' own tools and VictoriaMetrics' read and evaluate them. */
const debian = await debian13('promtool', 'victoria-metrics');
const run = promisify(execFile);

describe.skipIf(typeof debian === 'string')('the rules', () => {
  const program = (name: string) => (typeof debian === 'string' ? '' : debian.program(name));

  test('are read by Prometheus', async () => {
    expect((await run(program('promtool'), ['check', 'rules', '--lint=all', '--lint-fatal', RULES])).stdout).toContain(
      'SUCCESS',
    );
  });

  test('stand in a configuration that Prometheus takes', async () => {
    const example = join(ALERTS, 'prometheus.example.yaml');
    expect(
      (await run(program('promtool'), ['check', 'config', '--lint=all', '--lint-fatal', example])).stdout,
    ).toContain('SUCCESS');
  });

  test('are read by vmalert', async () => {
    await run(program('vmalert'), [
      '-dryRun',
      '-rule.validateExpressions',
      '-rule.validateTemplates',
      `-rule=${RULES}`,
    ]);
  });

  test('fire when they should and only then, evaluated by Prometheus', async () => {
    const { stdout } = await run(program('promtool'), ['test', 'rules', ...RULE_TESTS]);
    expect(stdout.match(/SUCCESS/g)).toHaveLength(RULE_TESTS.length);
  });

  test('fire when they should and only then, evaluated by VictoriaMetrics', { timeout: 60_000 }, async () => {
    const files = RULE_TESTS.flatMap((file) => ['--files', file]);
    const { stdout } = await run(program('vmalert-tool'), ['unittest', '--disableAlertgroupLabel', ...files], {
      cwd: ALERTS,
    });
    expect(stdout.match(/SUCCESS/g)).toHaveLength(RULE_TESTS.length);
  });
});

test('every alert has a firing and a silent case', async () => {
  const cases = await readCases();
  for (const { alert } of await readRules()) {
    const own = cases.filter((each) => each.alert === alert).map(({ firing }) => firing);
    expect(new Set(own), alert).toEqual(new Set([true, false]));
  }
});

test('every alert says how bad it is, what happened and what to do', async () => {
  for (const { alert, labels, annotations } of await readRules()) {
    expect(['critical', 'warning'], alert).toContain(labels.severity);
    expect(annotations, alert).toEqual({
      summary: expect.stringMatching(/\{\{ \$labels\.(unit|host) \}\}/),
      description: expect.stringMatching(/\.$/),
      runbook: expect.stringMatching(/systemctl|journalctl/),
    });
  }
});

test('rules and dashboards ask only for metrics that the heartbeat sends', async () => {
  for (const { alert, expr } of await readRules()) expect(unknownMetrics(expr), alert).toEqual([]);
  for (const [name, text] of dashboardFiles()) expect(unknownMetrics(text), name).toEqual([]);
});

test('docs/alerts.md explains every alert, how bad it is, and no other', async () => {
  const text = await readFile(join(CHECKOUT, 'docs/alerts.md'), 'utf8');
  const sections = new Map(
    text
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.split('\n', 1)[0] ?? '', section]),
  );
  const rules = await readRules();
  expect([...sections.keys()].sort()).toEqual([...new Set(rules.map(({ alert }) => alert))].sort());
  for (const { alert, labels } of rules) expect(sections.get(alert)?.toLowerCase(), alert).toContain(labels.severity);
  for (const [, path = ''] of text.matchAll(/\]\(\.\.\/([^)]+)\)/g)) {
    await expect(readFile(join(CHECKOUT, path)), path).resolves.toBeDefined();
  }
});

test.each([...dashboardFiles()])(
  'deploy/grafana/%s is what the code makes; if not: node scripts/generate-dashboards.ts',
  async (name, text) => {
    expect(await readFile(join(CHECKOUT, 'deploy', 'grafana', name), 'utf8')).toBe(text);
  },
);
