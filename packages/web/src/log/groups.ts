import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { Section } from './outline.ts';
import type { Range } from './rows.ts';

/** Lines of one phase, or of one step within it, that follow each other. Its first line stays when it is folded. */
export interface Group {
  /** `2` for a phase, `2.0` for its first step: the same in every attempt. */
  key: string;
  first: number;
  last: number;
  depth: 0 | 1;
  name: string;
  state: PhaseReport['state'];
  /** Milliseconds since the epoch; `to` is null while it goes on. */
  from: number;
  to: number | null;
  warnings: number;
  errors: number;
}

/** The groups of a log, in the order of their first lines, a phase before its steps. Lines outside of all phases are in none. */
export function groupsOf(sections: readonly Section[], phases: readonly PhaseReport[], finished: boolean): Group[] {
  const groups: Group[] = [];
  let phase: Group | null = null;
  let step: Group | null = null;
  for (const section of sections) {
    const phaseKey = String(section.phase);
    if (section.phase < 0) {
      phase = null;
      step = null;
      continue;
    }
    if (phase?.key !== phaseKey) {
      phase = groupOf(section, phaseKey, 0, phases[section.phase], `phase ${section.phase + 1}`, finished);
      step = null;
      groups.push(phase);
    } else extend(phase, section);
    const stepKey = `${section.phase}.${section.step}`;
    if (section.step < 0) step = null;
    else if (step?.key === stepKey) extend(step, section);
    // A step that begins its phase has the phase's first line: one line can't fold two groups.
    else if (phase.first !== section.firstLine) {
      const report = phases[section.phase]?.steps[section.step];
      step = groupOf(section, stepKey, 1, report, `step ${section.step + 1}`, finished);
      groups.push(step);
    }
  }
  return groups;
}

function groupOf(
  section: Section,
  key: string,
  depth: 0 | 1,
  report: Pick<PhaseReport, 'name' | 'state' | 'startedAt' | 'finishedAt'> | undefined,
  fallback: string,
  finished: boolean,
): Group {
  const { firstLine, lines, firstTime, lastTime, warnings, errors } = section;
  return {
    key,
    first: firstLine,
    last: firstLine + lines - 1,
    depth,
    name: report?.name ?? fallback,
    state: report?.state ?? (finished ? 'completed' : 'running'),
    from: report?.startedAt ?? firstTime,
    to: report ? (report.finishedAt ?? (report.state === 'running' ? null : lastTime)) : finished ? lastTime : null,
    warnings,
    errors,
  };
}

function extend(group: Group, { firstLine, lines, warnings, errors }: Section): void {
  group.last = firstLine + lines - 1;
  group.warnings += warnings;
  group.errors += errors;
}

/** The innermost groups that hold a line: a phase, then its step. */
export function groupsAt(groups: readonly Group[], line: number): Group[] {
  return groups.filter(({ first, last }) => first <= line && line <= last);
}

/** The lines that folded groups hide. */
export function hiddenBy(groups: readonly Group[], isFolded: (group: Group) => boolean): Range[] {
  return groups.filter(isFolded).map(({ first, last }) => ({ first: first + 1, last }));
}

/** Where the next or the previous group begins, seen from a line. */
export function groupBeside(groups: readonly Group[], line: number, way: 1 | -1): Group | null {
  return (way === 1 ? groups.find(({ first }) => first > line) : groups.findLast(({ first }) => first < line)) ?? null;
}
