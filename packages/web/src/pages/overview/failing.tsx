import type { Overview } from '@kiln/protocol/api.ts';
import { Link } from '@tanstack/react-router';
import { plural } from '../../parts/format.ts';
import { Section } from '../../parts/page.tsx';
import { Status } from '../../parts/status.tsx';
import { Again } from '../../parts/time.tsx';
import css from './list.module.css';

/** Versions that fail, how often in a row, and when they are tried again. */
export function Failing({ failing }: { failing: Overview['failing'] }) {
  return (
    <Section title="Recipes that fail">
      <ul>
        {failing.map(({ recipe, version, failures, nextRetry, runId }) => (
          <li key={`${recipe} ${version}`} className={css.line}>
            <Status status="failed" iconOnly />
            <span className={css.name}>
              {runId ? (
                <Link to="/runs/$runId" params={{ runId }} className={css.link} data-item>
                  <b>{recipe}</b> <span className="mono">{version}</span>
                </Link>
              ) : (
                <Link to="/recipes/$name" params={{ name: recipe }} className={css.link} data-item>
                  <b>{recipe}</b> <span className="mono">{version}</span>
                </Link>
              )}
            </span>
            <span className="dim">{plural(failures, 'failure')} in a row</span>
            <span className={css.end}>
              {nextRetry ? (
                <>
                  again <Again at={nextRetry} />
                </>
              ) : (
                'not again by itself'
              )}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
