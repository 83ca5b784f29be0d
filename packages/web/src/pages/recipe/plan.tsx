import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { formatWait, plural } from '../../parts/format.ts';
import { Section } from '../../parts/page.tsx';
import css from './recipe.module.css';

/** What a run of the recipe does: its jobs, their phases, what is published. */
export function Plan({ compiled }: { compiled: unknown }) {
  if (!isCompiled(compiled)) return null;
  const { jobs, publish, retries } = compiled;
  return (
    <Section title="Does" note={plural(jobs.length, 'job')}>
      <ul className={css.plan}>
        {jobs.map((job) => (
          <li key={job.name}>
            <p>
              <b>{job.name}</b>
              <span className="dim">
                {job.needs.length > 0 && ` after ${job.needs.join(', ')}`}
                {job.labels.length > 0 && ` on ${job.labels.join(', ')}`}
                {`, at most ${formatWait(job.timeoutMs)}`}
              </span>
            </p>
            <p className={css.phases}>
              {job.phases.map((phase) => (
                <span key={phase.name} title={phase.steps.map((step) => step.name).join('\n')}>
                  {phase.name}
                </span>
              ))}
            </p>
          </li>
        ))}
        <li className="dim">
          {publish ? (
            <>
              Publishes <span className="mono">{publish.package}</span> to {publish.repository}, showing{' '}
              {publish.keep === 1 ? 'the highest version' : `the ${publish.keep} highest versions`}.
            </>
          ) : (
            'Publishes nothing.'
          )}{' '}
          A failure is tried again after {retries.backoffSeconds.map((s) => formatWait(s * 1000)).join(', ')}
          {retries.max === null ? ', without end.' : `, ${plural(retries.max, 'time')} at most.`}
        </li>
      </ul>
    </Section>
  );
}

function isCompiled(value: unknown): value is CompiledRecipe {
  return typeof value === 'object' && value !== null && 'jobs' in value && Array.isArray(value.jobs);
}
