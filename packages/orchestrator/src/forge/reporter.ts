import type { ForgeConfig } from '@kiln/service/config-forges.ts';
import { inSpan } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import {
  enrolledTo,
  enrolRuns,
  type LeasedReport,
  leaseReports,
  newRuns,
  reopenReports,
  reportLater,
  reportTold,
  setEnrolledTo,
} from '@kiln/store/forge-reports.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import type { Answer } from './answer.ts';
import { repositoryOn } from './match.ts';
import { messageOf } from './messages.ts';
import { Pause } from './pause.ts';
import { requestFor } from './requests.ts';
import { send } from './send.ts';
import { pauseMs, type Timing } from './timing.ts';

/** Reports to one forge that are under way at once. */
const PARALLEL = 4;
/** How far a look must have come before it is written down. */
const ENROL_STEP_MS = 60_000;

/** What is counted: each call by its answer, and what was not told at all. */
export type ReportOutcome = Answer['outcome'] | 'given_up' | 'superseded';

export type ReporterContext = Pick<FarmContext, 'config' | 'db' | 'log' | 'service' | 'instance'> & {
  count(outcome: ReportOutcome): void;
};

/** Tells one forge how the runs for its commits go: finds out what it does not know yet, and says it. */
export class Reporter {
  readonly host: string;
  readonly #context: ReporterContext;
  readonly #forge: ForgeConfig;
  readonly #timing: Timing;
  readonly #pause: Pause;
  /** Where the next look for new runs begins, and how far this is written down. */
  #enrolled: { to: Date; stored: Date } | null = null;
  #thoroughAt = Number.NEGATIVE_INFINITY;

  constructor(context: ReporterContext, forge: ForgeConfig, timing: Timing) {
    this.#context = context;
    this.#forge = forge;
    this.#timing = timing;
    this.#pause = new Pause(timing.firstBackoffMs);
    this.host = new URL(forge.url).host;
  }

  /**
   * One look: takes up new runs and makes the first few calls that are due. Returns whether more may be due. Rejects only for the
   * database; what goes wrong at the forge is written down and waits.
   */
  async round(signal: AbortSignal): Promise<boolean> {
    await this.#enrol();
    await this.#reopen();
    if (this.#pause.on) return false;
    // After trouble one report tries whether the forge is back.
    const limit = this.#pause.count > 0 ? 1 : PARALLEL;
    const { db, instance } = this.#context;
    const reports = await leaseReports(db, { forge: this.#forge.url, limit, instance });
    await Promise.all(reports.map(async (report) => await this.#report(report, signal)));
    return reports.length === limit && !this.#pause.on && !signal.aborted;
  }

  async #enrol(): Promise<void> {
    const { db } = this.#context;
    const from = this.#enrolled ?? (await this.#whereToBegin());
    const { runs, upTo } = await newRuns(db, from.to);
    const ours = runs.flatMap(({ runId, ...upstream }) => {
      const repository = repositoryOn(this.#forge, upstream);
      return repository ? [{ runId, repository }] : [];
    });
    await enrolRuns(db, this.#forge.url, ours);
    const step = upTo.getTime() - from.stored.getTime() > ENROL_STEP_MS;
    if (step) await setEnrolledTo(db, this.#forge.url, upTo);
    this.#enrolled = { to: upTo, stored: step ? upTo : from.stored };
  }

  async #reopen(): Promise<void> {
    const now = performance.now();
    const thorough = now - this.#thoroughAt > this.#timing.thoroughMs;
    await reopenReports(this.#context.db, this.#forge.url, { thorough });
    if (thorough) this.#thoroughAt = now;
  }

  async #whereToBegin(): Promise<{ to: Date; stored: Date }> {
    const to = await enrolledTo(this.#context.db, this.#forge.url);
    return { to, stored: to };
  }

  async #report(report: LeasedReport, signal: AbortSignal): Promise<void> {
    const { runId, traceparent, superseded, remoteId } = report;
    // A check run belongs to its run; a status to the commit, where the younger run has the word.
    if (superseded && this.#forge.report === 'status') {
      if (await reportTold(this.#context.db, report, { remoteId, error: null })) this.#context.count('superseded');
      return;
    }
    const attributes = { 'kiln.run_id': runId, 'kiln.forge': this.host };
    await inSpan('forge.report', { parent: traceparent, attributes }, async () => {
      const answer = await this.#send(report, signal);
      if (signal.aborted && answer.outcome === 'down') {
        await reportLater(this.#context.db, report, { waitMs: 0, refused: false, error: 'Kiln stopped meanwhile' });
        return;
      }
      this.#context.count(answer.outcome);
      if (answer.outcome === 'told') await this.#recordReported(report, answer.remoteId ?? remoteId);
      else if (answer.outcome === 'refused') await this.#refused(report, answer);
      else await this.#troubled(report, answer);
    });
  }

  async #send(report: LeasedReport, signal: AbortSignal): Promise<Answer> {
    const message = messageOf(report, this.#context.config.http.publicUrl);
    const limits = { signal, timeoutMs: this.#timing.timeoutMs };
    const answer = await send(this.#forge, requestFor(this.#forge, report, message), limits);
    const gone = report.remoteId !== null && answer.outcome === 'refused' && answer.status === 404;
    return gone
      ? await send(this.#forge, requestFor(this.#forge, { ...report, remoteId: null }, message), limits)
      : answer;
  }

  async #recordReported(report: LeasedReport, remoteId: string | null): Promise<void> {
    const { db, log } = this.#context;
    if (this.#pause.end()) log.info({ forge: this.host }, 'forge takes reports again');
    await db.begin(async (sql) => {
      if (!(await reportTold(sql, report, { remoteId, error: null }))) return;
      if (isEnd(report))
        await addMilestones(sql, [this.#milestone(report, 'forge.reported', `was told: ${report.state}`)]);
    });
    log.info(this.#fields(report), 'commit status reported');
  }

  async #refused(report: LeasedReport, { error, limit }: Extract<Answer, { outcome: 'refused' }>): Promise<void> {
    const { db, log, count } = this.#context;
    if (this.#pause.end()) log.info({ forge: this.host }, 'forge takes reports again');
    const refusals = report.refusals + 1;
    const fields = { ...this.#fields(report), error, refusals };
    if (refusals < limit) {
      log.debug(fields, 'commit status was refused, trying again');
      return await reportLater(db, report, {
        waitMs: pauseMs(refusals, this.#timing.firstBackoffMs),
        refused: true,
        error,
      });
    }
    count('given_up');
    await db.begin(async (sql) => {
      if (!(await reportTold(sql, report, { remoteId: report.remoteId, error }))) return;
      if (isEnd(report))
        await addMilestones(sql, [this.#milestone(report, 'forge.refused', `refused the report: ${error}`)]);
    });
    // Later reports about the same run get one try each, and that was said once.
    const remedy = `check that ${report.repository} is its name there and that the token may write commit statuses`;
    if (refusals === limit) log.warn({ ...fields, remedy }, 'commit status refused');
    else log.debug(fields, 'commit status refused');
  }

  /** The forge as a whole is in trouble: this report and all others wait. */
  async #troubled(report: LeasedReport, answer: Extract<Answer, { waitMs: unknown }>): Promise<void> {
    const { db, log } = this.#context;
    const first = this.#pause.count === 0;
    const waitMs = this.#pause.begin(answer.waitMs);
    const fields = { forge: this.host, error: answer.error, wait_ms: Math.round(waitMs) };
    const message = answer.outcome === 'limited' ? 'forge limits the rate of reports' : 'forge takes no reports';
    if (first) log.warn(fields, message);
    else log.debug(fields, message);
    await reportLater(db, report, { waitMs, refused: false, error: answer.error });
  }

  #fields(report: LeasedReport) {
    const { runId, requestId, recipe, version, attempt, state } = report;
    return { runId, requestId, recipe, version, attempt, forge: this.host, state };
  }

  #milestone({ requestId, runId, state }: LeasedReport, name: string, what: string) {
    const { service, instance } = this.#context;
    return { requestId, runId, service, instance, name, message: `${this.host} ${what}`, detail: { state } };
  }
}

function isEnd({ state }: LeasedReport): boolean {
  return state !== 'queued' && state !== 'running';
}
