import type { PackageSummary } from '@kiln/protocol/api.ts';

/** Every published version of one package, the latest first. */
export interface PackageGroup {
  name: string;
  repository: string;
  versions: PackageSummary[];
  /** The version to offer: the latest published of those that the active view shows, else the latest. */
  offered: PackageSummary;
}

/** Packages by repository and name, both in their alphabetical order. */
export function groupPackages(packages: readonly PackageSummary[]): { name: string; packages: PackageGroup[] }[] {
  const repositories = new Map<string, Map<string, PackageSummary[]>>();
  for (const made of packages) {
    const groups = repositories.get(made.repository) ?? new Map<string, PackageSummary[]>();
    repositories.set(made.repository, groups);
    groups.set(made.package, [...(groups.get(made.package) ?? []), made]);
  }
  return [...repositories]
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([repository, groups]) => ({
      name: repository,
      packages: [...groups]
        .toSorted(([a], [b]) => a.localeCompare(b))
        .flatMap(([name, versions]) => {
          const offered = versions.find((version) => version.active) ?? versions[0];
          return offered ? [{ name, repository, versions, offered }] : [];
        }),
    }));
}
