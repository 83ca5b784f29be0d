/** A version in a CHANGELOG.md: `## 1.2.0 - 2025-09-01`, then what changed. */
export interface Release {
  version: string;
  /** Noon of its day in UTC, in seconds since the epoch. */
  time: number;
  message: string;
  /** The change log as it was at this version. */
  changelog: string;
}

const HEADING = /^## (\S+) - (\d{4}-\d{2}-\d{2})$/;

/** The releases that a change log tells of, oldest first. Throws when a heading can't be read. */
export function readChangelog(text: string): Release[] {
  const [title = '', ...sections] = text.split(/^(?=## )/m);
  return sections
    .map((section, index) => {
      const [heading = '', ...rest] = section.trimEnd().split('\n');
      const [, version, day] = HEADING.exec(heading) ?? [];
      if (!version || !day)
        throw new Error(`"${heading}" is not a heading of a change log, such as: ## 1.2.0 - 2025-09-01`);
      return {
        version,
        time: Date.parse(`${day}T12:00:00Z`) / 1000,
        message: rest.join('\n').trim(),
        changelog: title + sections.slice(index).join(''),
      };
    })
    .reverse();
}
