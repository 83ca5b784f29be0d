import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { ForgeConfig } from '@kiln/service/config-forges.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { onTestFinished } from 'vitest';
import { type TestFarm, type TestNode, testFarm } from '../../../../tests/support/farm-context.ts';
import { until } from '../../../../tests/support/until.ts';
import { type ForgeReports, startForgeReports } from './reports.ts';
import { type FakeForge, type Kind, type Seen, startFakeForge } from './testing-forge.ts';
import { type CommitRun, commitRun } from './testing-runs.ts';

/** As the real ones: short where a test would wait for them, long where a busy machine must not run into them. */
export const TEST_TIMING = { everyMs: 10_000, gatherMs: 20, thoroughMs: 200, timeoutMs: 60_000, firstBackoffMs: 60 };
export const PUBLIC_URL = 'https://build.example/kiln';

/** A farm with a fake forge. */
export class ReportingFarm {
  readonly farm: TestFarm;
  forge: FakeForge;

  constructor(farm: TestFarm, forge: FakeForge) {
    this.farm = farm;
    this.forge = forge;
  }

  /** Starts reporting in a process of the farm. */
  async report(
    config: Partial<ForgeConfig> = {},
    { node = this.farm, ...timing }: { node?: TestNode; everyMs?: number; timeoutMs?: number } = {},
  ): Promise<ForgeReports> {
    const { kind, url, token } = this.forge;
    const tokenFile = join(this.farm.dataDir, 'forge-token');
    await writeFile(tokenFile, `${token}\n`);
    const api = url + { github: '', gitea: '/api/v1', gitlab: '/api/v4' }[kind];
    const configured: ForgeConfig = { kind, url, api, sshHost: null, tokenFile, report: 'status', ...config };
    const { config: rest } = node.context;
    const context: FarmContext = {
      ...node.context,
      config: { ...rest, http: { ...rest.http, publicUrl: PUBLIC_URL }, forges: [configured] },
    };
    return startForgeReports(context, { ...TEST_TIMING, ...timing });
  }

  /** A run for a commit of a repository on the forge. */
  async run(options: Parameters<typeof commitRun>[2] = {}): Promise<CommitRun> {
    return await commitRun(this.farm.db, `${this.forge.url}/acme/libfoo.git`, options);
  }

  /** Says on the bus that a run changed. */
  hint(run: CommitRun): void {
    this.farm.context.bus.publish(SUBJECTS.changed, { topic: 'run', id: run.runId });
  }

  /** Hints again and again, as a busy farm does, until the check is true. */
  async until(what: string, run: CommitRun, check: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, async () => {
      this.hint(run);
      return await check();
    });
  }

  /** Waits until the forge took so many reports, and answers were written down for all it was told. */
  async reported(count: number, run: CommitRun): Promise<Seen[]> {
    await this.until(`${count} reports`, run, async () => {
      const [leased] = await this.farm.db<{ n: number }[]>`
        SELECT count(*) AS n FROM forge_reports WHERE leased_by IS NOT NULL OR next_try_at > now()`;
      return this.forge.seen.length >= count && leased?.n === 0;
    });
    return this.forge.seen;
  }

  /** What the forge took so far, in its own words. */
  states(): string[] {
    return this.forge.seen.map(({ state }) => state);
  }

  /** What is written down about a run. */
  async row({ runId }: CommitRun) {
    return (await this.farm.db`SELECT * FROM forge_reports WHERE run_id = ${runId}`)[0];
  }

  /** The counter by `<kind> <outcome>`. */
  async outcomes(): Promise<Record<string, number>> {
    const { registry } = this.farm.context.metrics;
    const metric = await registry.getSingleMetric('kiln_orch_forge_reports_total')?.get();
    const values = metric?.values ?? [];
    return Object.fromEntries(values.map(({ labels, value }) => [`${labels.kind} ${labels.outcome}`, value]));
  }
}

/** Makes a farm for the test that calls this, with a fake forge of this kind; nothing reports yet. It ends with the test. */
export async function reportingFarm(kind: Kind): Promise<ReportingFarm> {
  const made = new ReportingFarm(await testFarm(), await startFakeForge(kind));
  onTestFinished(async () => {
    await made.farm.drop();
    await made.forge.close();
  });
  return made;
}
