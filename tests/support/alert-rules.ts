import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { METRICS } from '@kiln/heartbeat/metrics-table.ts';
import { parseYaml } from '@kiln/service/yaml-document.ts';
import { CHECKOUT } from '../../packages/cli/src/farm/location.ts';

/** One alert of the shipped rules. */
export interface AlertRule {
  group: string;
  alert: string;
  expr: string;
  for?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** One case of the rules' own tests. */
export interface RuleCase {
  file: string;
  alert: string;
  firing: boolean;
}

/** Folder of the shipped rules. */
export const ALERTS = join(CHECKOUT, 'deploy', 'alerts');
/** The rules themselves. */
export const RULES = join(ALERTS, 'systemd.rules.yaml');
/** Their tests. */
export const RULE_TESTS = ['systemd.test.yaml', 'systemd-slow.test.yaml'].map((name) => join(ALERTS, name));

/** Every alert of the shipped rules. */
export async function readRules(): Promise<AlertRule[]> {
  const { groups } = await readYaml<{ groups: { name: string; rules: Omit<AlertRule, 'group'>[] }[] }>(RULES);
  return groups.flatMap(({ name, rules }) => rules.map((rule) => ({ group: name, ...rule })));
}

/** What the rules' own tests say about which alert. */
export async function readCases(): Promise<RuleCase[]> {
  const cases: RuleCase[] = [];
  for (const file of RULE_TESTS) {
    const { tests } = await readYaml<{ tests: { alert_rule_test: { alertname: string; exp_alerts: object[] }[] }[] }>(
      file,
    );
    for (const { alertname, exp_alerts } of tests.flatMap((each) => each.alert_rule_test)) {
      cases.push({ file, alert: alertname, firing: exp_alerts.length > 0 });
    }
  }
  return cases;
}

/** Names in a query that look like ours and that the heartbeat does not send. */
export function unknownMetrics(query: string): string[] {
  return [...query.matchAll(/\b(?:systemd|kiln)_[a-z_]+/g)].map(([name]) => name).filter((name) => !(name in METRICS));
}

async function readYaml<T>(file: string): Promise<T> {
  const document = parseYaml(await readFile(file, 'utf8'), file);
  if (document.problems.length > 0) throw new Error(JSON.stringify(document.problems));
  return document.value as T;
}
