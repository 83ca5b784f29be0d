import type { Job, Recipe, Step } from '@kiln/protocol/recipe.ts';
import { formatPath, type Path, suggestion } from '@kiln/service/problem.ts';
import type { Issue } from '@kiln/service/schema-check.ts';
import { checkLimit } from './check-duration.ts';
import { fillLabel, jobsOf, listOf } from './compile.ts';
import { findCycle } from './cycle.ts';
import { MAX_JOBS, unfold } from './matrix.ts';

/** Steps of one job: each is told about in every report of its progress. */
const MAX_STEPS = 1000;
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._:/-]*$/;

/** That the jobs can run: each has something to do, needs what exists, and stays inside its workspace. */
export function checkJobs(recipe: Recipe): Issue[] {
  const jobs = Object.entries(jobsOf(recipe));
  const at = (name: string): Path => (recipe.jobs ? ['jobs', name] : []);
  if (jobs.length === 0)
    return [{ path: ['jobs'], onKey: true, message: 'jobs is empty', fix: 'add a job with steps' }];
  const count = jobs.reduce((sum, [, job]) => sum + unfold(job.matrix).length, 0);
  if (count > MAX_JOBS) {
    const fix = `leave some jobs, or values of a matrix, out; ${MAX_JOBS} are allowed`;
    return [{ path: ['jobs'], onKey: true, message: `the recipe has more than ${MAX_JOBS} jobs`, fix }];
  }
  return [
    ...checkForm(recipe),
    ...jobs.flatMap(([name, job]) => checkJob(job, at(name))),
    ...checkNeeds(recipe.jobs ?? {}),
  ];
}

/** `jobs`, or steps and phases at the top, but not both. */
function checkForm(recipe: Recipe): Issue[] {
  if (!recipe.jobs) return [];
  return (['steps', 'phases', 'artifacts'] as const)
    .filter((key) => recipe[key] !== undefined)
    .map((key) => ({
      path: [key],
      onKey: true,
      message: `${key} can't stand beside jobs`,
      fix: `move ${key} into one of the jobs`,
    }));
}

function checkJob(job: Job, path: Path): Issue[] {
  const where = path.length === 0 ? 'the recipe' : formatPath(path);
  const issues: Issue[] = [];
  if (job.steps && job.phases) {
    const fix = 'make the steps a phase of their own';
    issues.push({ path: [...path, 'steps'], onKey: true, message: `${where} has both steps and phases`, fix });
  }
  if (!job.steps && !job.phases) {
    issues.push({ path, onKey: true, message: `${where} has nothing to run`, fix: 'add steps or phases' });
  }
  const phases = job.phases ?? [];
  const steps = phases.reduce((sum, phase) => sum + phase.steps.length, job.steps?.length ?? 0);
  if (steps > MAX_STEPS) {
    const fix = `put several commands into one step; ${MAX_STEPS} steps are allowed`;
    issues.push({ path, onKey: true, message: `${where} has ${steps} steps`, fix });
  }
  phases.forEach(({ name }, index) => {
    if (phases.findIndex((phase) => phase.name === name) === index) return;
    const message = `there are two phases called "${name}"`;
    issues.push({ path: [...path, 'phases', index, 'name'], onKey: false, message, fix: 'give each its own name' });
  });
  issues.push(...(job.steps ?? []).flatMap((step, index) => checkStep(step, [...path, 'steps', index])));
  phases.forEach((phase, p) => {
    issues.push(...phase.steps.flatMap((step, s) => checkStep(step, [...path, 'phases', p, 'steps', s])));
  });
  if (job.timeout !== undefined) issues.push(...checkLimit(job.timeout, [...path, 'timeout']));
  (job.artifacts ?? []).forEach((pattern, index) => {
    issues.push(...checkInside(pattern, [...path, 'artifacts', index]));
  });
  return [...issues, ...checkMatrix(job, path), ...checkLabels(job, path)];
}

function checkStep(step: Step, path: Path): Issue[] {
  const long = typeof step === 'string' ? { run: step } : step;
  const issues: Issue[] = [];
  if (long.run.trim() === '') {
    const at = typeof step === 'string' ? path : [...path, 'run'];
    issues.push({ path: at, onKey: false, message: `${formatPath(at)} is empty`, fix: 'write a command' });
  }
  if (long.timeout !== undefined) issues.push(...checkLimit(long.timeout, [...path, 'timeout']));
  if (long.working_directory !== undefined) {
    issues.push(...checkInside(long.working_directory, [...path, 'working_directory']));
  }
  return issues;
}

/** A path or pattern that must not leave the checkout. */
function checkInside(value: string, path: Path): Issue[] {
  if (!value.startsWith('/') && !value.split('/').includes('..')) return [];
  const message = `${formatPath(path)} leaves the checkout: "${value}"`;
  return [{ path, onKey: false, message, fix: 'write it relative to the checkout, without ..' }];
}

function checkMatrix(job: Job, path: Path): Issue[] {
  return Object.entries(job.matrix ?? {}).flatMap(([axis, values]) => {
    const words = values.map(String);
    return words.flatMap((word, index): Issue[] => {
      const at = [...path, 'matrix', axis, index];
      if (words.indexOf(word) !== index) {
        return [{ path: at, onKey: false, message: `${formatPath(at)}: "${word}" is listed twice`, fix: 'remove one' }];
      }
      if (word !== '' && word.length <= 100 && !/\p{Cc}/u.test(word)) return [];
      const message = `${formatPath(at)} must be one line of 1 to 100 characters`;
      return [{ path: at, onKey: false, message, fix: 'use a short value and look the rest up in a step' }];
    });
  });
}

function checkLabels(job: Job, path: Path): Issue[] {
  const labels = listOf(job['runs-on']);
  return labels.flatMap((label, index): Issue[] => {
    const filled = unfold(job.matrix).map((combination) => fillLabel(label, combination));
    const wrong = filled.find((text) => !LABEL.test(text));
    if (wrong === undefined) return [];
    const at = typeof job['runs-on'] === 'string' ? [...path, 'runs-on'] : [...path, 'runs-on', index];
    const fix =
      'labels have letters, digits and . _ : / -, such as os:linux; ${MATRIX_OS} stands for a value of the matrix';
    return [{ path: at, onKey: false, message: `"${wrong}" is not a label`, fix }];
  });
}

function checkNeeds(jobs: Record<string, Job>): Issue[] {
  const names = Object.keys(jobs);
  const unknown = Object.entries(jobs).flatMap(([name, job]) =>
    listOf(job.needs)
      .filter((need) => !names.includes(need))
      .map((need): Issue => {
        const path = ['jobs', name, 'needs'];
        const fix = suggestion(
          need,
          names.filter((other) => other !== name),
        );
        return { path, onKey: false, message: `there is no job "${need}"`, ...(fix ? { fix } : {}) };
      }),
  );
  const cycle = findCycle(new Map(Object.entries(jobs).map(([name, job]) => [name, listOf(job.needs)])));
  if (!cycle) return unknown;
  const message = `jobs wait for each other: ${cycle.join(' needs ')}`;
  return [
    ...unknown,
    { path: ['jobs', cycle[0] ?? '', 'needs'], onKey: false, message, fix: 'take one of these needs out' },
  ];
}
