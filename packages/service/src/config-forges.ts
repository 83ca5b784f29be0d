import { resolve } from 'node:path';
import { Forge } from '@kiln/protocol/config.ts';
import { Check } from 'typebox/value';
import { maskUrl } from './mask.ts';
import type { Path } from './problem.ts';

/** A forge that is told about runs. Addresses have no slash at the end. */
export interface ForgeConfig {
  kind: Forge['kind'];
  url: string;
  /** Base address of its API, with the version where the API has one in its path. */
  api: string;
  /** Host in ssh addresses, or null: that of `url`. */
  sshHost: string | null;
  tokenFile: string;
  report: 'status' | 'check-run';
}

const API_PATH = { github: '/api/v3', gitea: '/api/v1', gitlab: '/api/v4' } as const;

/** Forges with every default filled in. `base`: the folder that relative paths are taken from. */
export function resolveForges(entries: readonly unknown[], base: string): ForgeConfig[] {
  return entries
    .filter((entry) => Check(Forge, entry))
    .map((forge) => {
      const url = withoutSlash(forge.url);
      return {
        kind: forge.kind,
        url,
        api: withoutSlash(forge.api ?? defaultApi(forge.kind, url)),
        sshHost: forge.ssh_host ?? null,
        tokenFile: resolve(base, forge.token_file),
        report: forge.report ?? 'status',
      };
    });
}

function defaultApi(kind: Forge['kind'], url: string): string {
  return kind === 'github' && new URL(url).host === 'github.com' ? 'https://api.github.com' : url + API_PATH[kind];
}

function withoutSlash(address: string): string {
  return address.replace(/\/+$/, '');
}

/** What is wrong with a list of forges although each entry is as its schema says, with the place below the list; or null. */
export function forgesProblem(entries: readonly unknown[]): { path: Path; message: string } | null {
  const urls = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    if (!Check(Forge, entry)) continue;
    for (const key of ['url', 'api'] as const) {
      const wrong = entry[key] === undefined ? null : addressProblem(entry[key]);
      if (wrong) return { path: [index, key], message: wrong };
    }
    if (entry.report === 'check-run' && entry.kind !== 'github')
      return { path: [index, 'report'], message: `only github has check runs; leave it out for ${entry.kind}` };
    const url = withoutSlash(entry.url);
    if (urls.has(url)) return { path: [index, 'url'], message: `${url} is there twice; keep one of the two` };
    urls.add(url);
  }
  return null;
}

function addressProblem(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (!url) return `"${maskUrl(address)}" is not an address; check its host and port`;
  return url.username || url.password ? `"${maskUrl(address)}" has a user in it; name a token_file instead` : null;
}
