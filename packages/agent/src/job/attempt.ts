import type { AgentFinished, AttemptReference, Failure, JobDispatch } from '@kiln/protocol/agent-messages.ts';
import { currentTraceparent, inSpan } from '@kiln/service/tracing.ts';
import { JobLog } from '../log/job-log.ts';
import { Masks } from '../log/mask.ts';
import { OUTSIDE } from '../log/where.ts';
import { FrameWindow } from '../log/window.ts';
import { ProcessTree } from '../process/process-tree.ts';
import { messageOf, type ServiceLog, withFields } from '../service-log.ts';
import type { AttemptTools } from './attempt-tools.ts';
import { jobEnvironment, requireSecrets, type Source, secretsOf } from './environment.ts';
import type { JobContext } from './job-context.ts';
import { planPhases } from './plan.ts';
import { ProgressTracker } from './progress.ts';
import { ProgressSender } from './progress-sender.ts';
import { runPhases } from './run-phases.ts';
import type { Problem } from './step.ts';
import { type StopReason, stopOf } from './stop-reason.ts';
import { failedBy, sayVerdict, stoppedBy, type Verdict, verdictOf } from './verdict.ts';
import type { Workspace } from './workspace.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * One try at one job, from its order to the acknowledgement of its result. It goes on whether there is a connection or
 * not; what could not be told is told to the next one.
 */
export class Attempt {
  readonly reference: AttemptReference;
  readonly #dispatch: JobDispatch;
  readonly #tools: AttemptTools;
  readonly #serviceLog: ServiceLog;
  readonly #stop = new AbortController();
  readonly #masks = new Masks();
  readonly #window: FrameWindow;
  readonly #log: JobLog;
  readonly #workspace: Workspace;
  readonly #processes: ProcessTree;
  readonly #sender: ProgressSender;
  readonly #startedAt = performance.now();
  #progress = new ProgressTracker([], () => {});
  #state: 'running' | 'finished' | 'gone' = 'running';
  #isBuilding = false;
  #commitTime: number | null = null;
  #result: AgentFinished | null = null;
  #resultSent = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(dispatch: JobDispatch, tools: AttemptTools) {
    const { jobId, attempt, fence, requestId, runId, recipe, version, job } = dispatch;
    this.reference = { jobId, attempt, fence };
    this.#dispatch = dispatch;
    this.#tools = tools;
    this.#serviceLog = withFields(tools.log, { requestId, runId, jobId, attempt, job: job.name, recipe, version });
    this.#workspace = tools.workspaces.take();
    this.#processes = new ProcessTree({
      launcher: tools.launcher,
      pipes: tools.pipes,
      signal: this.#stop.signal,
      graceMs: tools.killGraceMs,
    });
    const lost = (error: unknown) =>
      this.#abort({ kind: 'fault', message: `the log could not be kept: ${messageOf(error)}` });
    this.#window = new FrameWindow({
      send: (frame) => tools.uplink.sendFrame(frame),
      onChange: () => this.#windowChanged(),
      onRefused: (error) =>
        this.#serviceLog.warn({ error: messageOf(error) }, 'log frame could not be written to disk'),
      onLoss: lost,
      spoolPath: `${this.#workspace.folder}.spool`,
      spoolLimit: tools.spoolLimit,
    });
    this.#log = new JobLog({
      jobId,
      attempt,
      masks: this.#masks,
      limitBytes: job.logLimitBytes,
      window: this.#window,
      onProgress: (percent, text, where) => this.#progress.told(where, percent, text),
      onFault: lost,
      onFrame: tools.metrics.frame,
    });
    this.#sender = new ProgressSender(() => {
      tools.uplink.send({ type: 'job.progress', ...this.reference, progress: this.#progress.snapshot() });
    });
  }

  get state(): 'running' | 'finished' | 'gone' {
    return this.#state;
  }

  get spooledBytes(): number {
    return this.#window.spooledBytes;
  }

  /** Settles when nothing of it runs any more; never rejects. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Begins. With a refusal it ends at once as failed. */
  start(refusal: Problem | null = null): void {
    const { runId, requestId, traceparent } = this.#dispatch;
    this.#log.say(`Run: ${runId} | Trace: ${requestId}`);
    this.#tools.metrics.jobStarted();
    const attributes = { 'kiln.run_id': runId, 'kiln.job_id': this.reference.jobId };
    this.#ended = inSpan('job', { parent: traceparent, attributes }, async () => {
      this.#serviceLog.info({}, 'job started');
      await this.#finish(refusal ? failedBy(refusal, this.#witnesses()) : await this.#work());
    }).catch((error: unknown) => {
      this.#serviceLog.error({ error: messageOf(error) }, 'job could not be ended');
    });
  }

  /** Somebody wants it to end; reported as cancelled. */
  cancel(reason: string): void {
    this.#abort({ kind: 'cancel', message: reason });
  }

  /** It is not this agent's any more: ends it without a word and removes what it left. */
  stop(): void {
    if (this.#state === 'finished') void this.#disappear();
    else this.#abort({ kind: 'stale' });
  }

  /** The agent stops: ends it and leaves its record, by which the next start reports it as lost. */
  abandon(): void {
    this.#abort({ kind: 'shutdown' });
  }

  /** Frames up to `sequence` are safe. */
  acknowledge(sequence: number): void {
    this.#window.acknowledge(sequence);
  }

  /** There is a new connection; the orchestrator has the frames up to `lastSequence`. */
  resume(lastSequence: number): void {
    this.#resultSent = false;
    if (this.#state === 'running' && this.#isBuilding) this.#tellBuilding();
    this.#window.resend(lastSequence);
  }

  /** The result is safe: nothing is left to do. */
  resultAcknowledged(): void {
    if (this.#state === 'finished') void this.#disappear();
  }

  #abort(reason: StopReason): void {
    if (this.#state === 'running' && !this.#stop.signal.aborted) this.#stop.abort(reason);
  }

  #windowChanged(): void {
    this.#log.settle();
    this.#sendResult();
  }

  #sendResult(): void {
    if (!this.#result || this.#resultSent || !this.#window.allSent) return;
    this.#resultSent = this.#tools.uplink.send({ ...this.#result, lastSequence: this.#window.lastSequence });
  }

  #tellBuilding(): void {
    this.#sender.told();
    this.#tools.uplink.send({ type: 'job.building', ...this.reference, progress: this.#progress.snapshot() });
  }

  #witnesses() {
    return { log: this.#log, masks: this.#masks, progress: this.#progress };
  }

  /** Everything between the order and the verdict. */
  async #work(): Promise<Verdict> {
    const { timeoutMs } = this.#dispatch.job;
    const expire = () => this.#abort({ kind: 'timeout', limitMs: timeoutMs });
    const timer = setTimeout(expire, Math.min(timeoutMs, LONGEST_TIMER_MS));
    let verdict: Verdict;
    try {
      verdict = verdictOf(await this.#run());
    } catch (error) {
      verdict = failedBy({ class: 'Agent Error', message: messageOf(error) }, this.#witnesses());
    }
    clearTimeout(timer);
    const leftovers = await this.#processes.end();
    this.#log.flush();
    if (leftovers > 0) this.#log.say(`killed ${leftovers} processes of the job that still ran`, OUTSIDE, 'WARN');
    const stop = stopOf(this.#stop.signal);
    return stop ? stoppedBy(stop, this.#witnesses()) : verdict;
  }

  async #run(): Promise<Failure | null> {
    const { job, upstream, eventTime } = this.#dispatch;
    const secrets = secretsOf(job.secrets);
    for (const [name, value] of Object.entries(secrets)) {
      if (!this.#masks.add(value)) this.#log.say(`the secret ${name} is too short to be masked`, OUTSIDE, 'WARN');
    }
    const context = this.#context(this.#environment({ commit: upstream?.commit ?? null, epoch: eventTime }, secrets));
    const phases = planPhases(context, (commit, epoch) => {
      this.#commitTime = epoch;
      context.environment = this.#environment({ commit, epoch }, secrets);
    });
    this.#progress = new ProgressTracker(phases, (isStep) => this.#sender.changed(isStep));
    requireSecrets(job.secrets, secrets, this.#tools.agentName);
    await this.#tools.workspaces.open(this.#workspace, { ...this.reference, token: this.#processes.token });
    this.#isBuilding = true;
    this.#tellBuilding();
    return await runPhases(context, phases, this.#progress);
  }

  #context(environment: Record<string, string>): JobContext {
    return {
      dispatch: this.#dispatch,
      workspace: this.#workspace,
      log: this.#log,
      masks: this.#masks,
      processes: this.#processes,
      uploader: this.#tools.uploader,
      signal: this.#stop.signal,
      stateDir: this.#tools.stateDir,
      environment,
    };
  }

  #environment(source: Source, secrets: Record<string, string>): Record<string, string> {
    const traceparent = currentTraceparent() ?? this.#dispatch.traceparent;
    return { ...jobEnvironment(this.#dispatch, this.#workspace, source, traceparent), ...secrets };
  }

  async #finish(verdict: Verdict): Promise<void> {
    const durationMs = Math.round(performance.now() - this.#startedAt);
    const stop = stopOf(this.#stop.signal);
    this.#sender.stop();
    if (stop?.kind === 'stale' || stop?.kind === 'shutdown') {
      this.#tools.metrics.jobEnded('stopped', durationMs / 1000);
      this.#serviceLog.info({ reason: stop.kind, durationMs }, 'job stopped');
      if (stop.kind === 'stale') return await this.#disappear();
      this.#leaveWord();
      return await this.#leave();
    }
    sayVerdict(verdict, this.#dispatch.job.name, durationMs, this.#witnesses());
    await this.#log.finish();
    const { outcome, failure } = verdict;
    this.#state = 'finished';
    this.#result = {
      type: 'job.finished',
      ...this.reference,
      outcome,
      failure,
      progress: this.#progress.snapshot(),
      lastSequence: this.#window.lastSequence,
      commitTime: this.#commitTime,
    };
    this.#sendResult();
    this.#tools.metrics.jobEnded(outcome, durationMs / 1000);
    this.#serviceLog.info({ outcome, failure: failure?.message, durationMs, lines: this.#log.lines }, 'job finished');
  }

  /** For the next start, which reports the attempt as lost: it was not the job's fault. */
  #leaveWord(): void {
    try {
      this.#workspace.note({ ...this.reference, token: this.#processes.token, stopped: true });
    } catch (error) {
      this.#serviceLog.warn({ error: messageOf(error) }, 'record of the job could not be written');
    }
  }

  /** Removes all that is left of it here. */
  async #disappear(): Promise<void> {
    await this.#leave();
    this.#tools.workspaces.giveBack(this.#workspace);
  }

  async #leave(): Promise<void> {
    this.#state = 'gone';
    this.#log.close();
    try {
      await this.#window.close();
    } catch (error) {
      this.#serviceLog.warn({ error: messageOf(error) }, 'spool was not removed');
    }
  }
}
