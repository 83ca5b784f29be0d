import type { PackageSummary } from '@kiln/protocol/api.ts';
import { IconBox } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Empty } from '../../parts/notices.tsx';
import { Section } from '../../parts/page.tsx';
import { Ago } from '../../parts/time.tsx';
import css from './list.module.css';

/** What was published last. */
export function Published({ packages }: { packages: PackageSummary[] }) {
  return (
    <Section title="Published last" aside={<Link to="/packages">All packages</Link>}>
      {packages.length === 0 ? (
        <Empty title="Nothing is published yet">
          A run whose recipe has <code>publish</code> puts its files into a repository when it is complete.
        </Empty>
      ) : (
        <ul>
          {packages.map((made) => (
            <li key={`${made.repository} ${made.package} ${made.version}`} className={css.line}>
              <IconBox size={16} stroke={1.7} className={css.icon} aria-hidden />
              <span className={css.name}>
                <Link
                  to="/packages"
                  search={{ open: `${made.repository}/${made.package}` }}
                  className={css.link}
                  data-item
                >
                  <b>{made.package}</b> <span className="mono">{made.version}</span>
                </Link>
              </span>
              <span className={css.end}>
                <Ago at={made.publishedAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
