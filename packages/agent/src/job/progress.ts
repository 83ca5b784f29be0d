import type { PhaseReport, Progress, StepReport } from '@kiln/protocol/agent-messages.ts';
import { plainText } from '../log/causes.ts';
import { OUTSIDE, type Where } from '../log/where.ts';

/** As much of what a step says about its progress as is shown. */
const TEXT_LIMIT = 200;
/** As much of the name of a phase or a step. The log has the whole. */
const NAME_LIMIT = 500;
/** So many phases, and so many steps of each, are told about. */
const TOLD_LIMIT = 1000;
/** Only a completed job is at 100. */
const MOST = 99;

type State = StepReport['state'];

export interface PlannedNames {
  name: string;
  weight: number;
  steps: readonly { name: string }[];
}

/**
 * How far an attempt is: the weights of the phases that are over, and the part of the present one by its finished steps
 * or by what a step says itself. Never goes back.
 */
export class ProgressTracker {
  readonly #phases: PhaseReport[];
  readonly #total: number;
  readonly #onChange: (isStep: boolean) => void;
  #percent = 0;
  #text = '';
  /** What a step of the present phase said, as a part of 1. */
  #told = 0;
  #toldPhase = -1;
  #current: Where = OUTSIDE;

  /** `onChange` is called with true when a phase or a step begins or ends, with false for what a step says. */
  constructor(phases: readonly PlannedNames[], onChange: (isStep: boolean) => void) {
    this.#phases = phases.map(({ name, weight, steps }) => ({
      name: plainText(name, NAME_LIMIT),
      weight,
      state: 'waiting',
      startedAt: null,
      finishedAt: null,
      steps: steps.map((step) => ({
        name: plainText(step.name, NAME_LIMIT),
        state: 'waiting',
        startedAt: null,
        finishedAt: null,
        exitCode: null,
        signal: null,
        firstLine: null,
      })),
    }));
    this.#total = phases.reduce((sum, phase) => sum + phase.weight, 0) || 1;
    this.#onChange = onChange;
  }

  /** A copy of the present state. */
  snapshot(): Progress {
    const phases = this.#phases.slice(0, TOLD_LIMIT).map((phase) => {
      return { ...phase, steps: phase.steps.slice(0, TOLD_LIMIT).map((step) => ({ ...step })) };
    });
    return { percent: this.#percent, text: this.#text, phases };
  }

  /** The step that was started last. */
  get current(): Where {
    return this.#current;
  }

  phaseStarted(phase: number): void {
    const report = this.#phases[phase];
    if (!report) return;
    report.state = 'running';
    report.startedAt = Date.now();
  }

  /** `firstLine` is the number that the step's first line of the log gets. */
  stepStarted(where: Where, firstLine: number): void {
    const step = this.#step(where);
    const phase = this.#phases[where.phase];
    if (!step || !phase) return;
    this.#current = where;
    step.state = 'running';
    step.startedAt = Date.now();
    step.firstLine = firstLine;
    this.#text = plainText(`${phase.name}: ${step.name}`, TEXT_LIMIT);
    this.#update(true);
  }

  stepEnded(where: Where, state: State, result: { exitCode: number | null; signal: string | null }): void {
    const step = this.#step(where);
    if (!step) return;
    Object.assign(step, result, { state, finishedAt: Date.now() });
    this.#update(true);
  }

  /** What is left of the phase gets `rest`. */
  phaseEnded(phase: number, state: State, rest: State): void {
    const report = this.#phases[phase];
    if (!report) return;
    report.state = state;
    if (report.startedAt !== null) report.finishedAt = Date.now();
    for (const step of report.steps) if (step.state === 'waiting') step.state = rest;
    this.#update(true);
  }

  /** A step said how far its phase is. */
  told(where: Where, percent: number, text: string): void {
    if (this.#phases[where.phase]?.state !== 'running') return;
    this.#toldPhase = where.phase;
    this.#told = percent / 100;
    if (text) this.#text = plainText(text, TEXT_LIMIT);
    this.#update(false);
  }

  /** The job is completed. */
  completed(text: string): void {
    this.#percent = 100;
    this.#text = text;
  }

  /** The job ended otherwise. */
  ended(text: string): void {
    this.#text = plainText(text, TEXT_LIMIT);
  }

  #update(isStep: boolean): void {
    let done = 0;
    for (const [index, phase] of this.#phases.entries()) {
      if (phase.state === 'completed') done += phase.weight;
      else if (phase.startedAt !== null) done += phase.weight * this.#share(index, phase);
    }
    const percent = Math.round((done / this.#total) * 1000) / 10;
    this.#percent = Math.max(this.#percent, Math.min(MOST, percent));
    this.#onChange(isStep);
  }

  #share(index: number, { steps }: PhaseReport): number {
    const finished = steps.filter((step) => step.finishedAt !== null).length / Math.max(1, steps.length);
    return index === this.#toldPhase ? Math.max(finished, this.#told) : finished;
  }

  #step({ phase, step }: Where): StepReport | undefined {
    return this.#phases[phase]?.steps[step];
  }
}
