import type { PackageSummary } from '@kiln/protocol/api.ts';
import { IconChevronRight } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { Commands } from '../../parts/copy.tsx';
import { FileList } from '../../parts/file-list.tsx';
import { formatBytes, plural, shortId } from '../../parts/format.ts';
import { Ago } from '../../parts/time.tsx';
import type { PackageGroup } from './group.ts';
import { aptLines, curlLines, fileUrl, isDebian } from './install.ts';
import css from './packages.module.css';

/** One package: its version at a glance; opened, how to install it, its files and its other versions. */
export function PackageLine({ group, open, toggle }: { group: PackageGroup; open: boolean; toggle: () => void }) {
  const { offered, versions } = group;
  const bytes = offered.files.reduce((sum, file) => sum + file.bytes, 0);
  return (
    <li className={css.package} data-open={open || undefined}>
      <button type="button" className={css.line} aria-expanded={open} onClick={toggle} data-item>
        <IconChevronRight size={16} className={css.chevron} aria-hidden />
        <span className={css.name}>
          <b>{group.name}</b> <span className="mono">{offered.version}</span>
        </span>
        <span className={css.note}>
          {plural(offered.files.length, 'file')}, {formatBytes(bytes)}
          {versions.length > 1 && `, ${plural(versions.length, 'version')}`}
        </span>
        <span className={css.ago}>
          <Ago at={offered.publishedAt} />
        </span>
      </button>
      {open && (
        <div className={css.opened}>
          <Install made={offered} />
          <div>
            <h3>Files</h3>
            <FileList files={offered.files} href={(file) => fileUrl(offered, file)} />
            <h3>Versions</h3>
            <ul className={css.versions}>
              {versions.map((made) => (
                <li key={made.version}>
                  <span className="mono">{made.version}</span>
                  <span className="dim">{made.active ? 'in the active view' : 'in the archive'}</span>
                  <Link to="/runs/$runId" params={{ runId: made.runId }} className={css.run}>
                    run <span className="mono">{shortId(made.runId)}</span>
                  </Link>
                  <span className="dim">
                    <Ago at={made.publishedAt} />
                  </span>
                </li>
              ))}
            </ul>
          </div>
        </div>
      )}
    </li>
  );
}

function Install({ made }: { made: PackageSummary }) {
  if (!isDebian(made)) {
    return (
      <div>
        <h3>Fetch and check</h3>
        <Commands label="commands to fetch the files" lines={curlLines(made)} />
      </div>
    );
  }
  const { add, install } = aptLines(made);
  return (
    <div>
      <h3>Add the repository to apt, once</h3>
      <Commands label="commands to add the repository" lines={add} />
      <h3>Install</h3>
      <Commands label="command to install" lines={install} />
      <h3>Or fetch and check the files</h3>
      <Commands label="commands to fetch the files" lines={curlLines(made)} />
    </div>
  );
}
