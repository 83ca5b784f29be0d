import type { ForgeConfig } from '@kiln/service/config-forges.ts';

/** `git@host:owner/name.git`: a colon before the first slash, and no protocol. */
const SCP_LIKE = /^(?:[^@/\s:]+@)?([^/\s:]+):(?!\/\/)/;
/** Where the big forges offer ssh on the port of https. */
const SECOND_SSH_HOST: Readonly<Record<string, string>> = {
  'github.com': 'ssh.github.com',
  'gitlab.com': 'altssh.gitlab.com',
};

/**
 * What a forge calls the repository of an upstream, `owner/name` (on GitLab with any groups between them); null when the upstream is
 * elsewhere. Addresses by http are compared with host and port, those by ssh and git only with the host.
 */
export function repositoryOn(
  forge: Pick<ForgeConfig, 'kind' | 'url' | 'sshHost'>,
  upstream: { git: string; repository: string | null },
): string | null {
  const site = new URL(forge.url);
  const at = placeOf(upstream.git);
  if (!at || !upstream.repository) return null;
  const hosts = at.http ? [site.host] : [site.hostname, forge.sshHost, SECOND_SSH_HOST[site.hostname]];
  if (!hosts.some((host) => host?.toLowerCase() === at.host)) return null;
  const root = site.pathname.slice(1).toLowerCase();
  const inside = at.http && root !== '' && upstream.repository.startsWith(`${root}/`);
  const repository = inside ? upstream.repository.slice(root.length + 1) : upstream.repository;
  const depth = repository.split('/').length;
  return forge.kind === 'gitlab' ? (depth >= 2 ? repository : null) : depth === 2 ? repository : null;
}

function placeOf(git: string): { http: boolean; host: string } | null {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(git)) {
    const url = URL.canParse(git) ? new URL(git) : null;
    if (!url?.host) return null;
    return /^https?:$/.test(url.protocol)
      ? { http: true, host: url.host }
      : { http: false, host: url.hostname.toLowerCase() };
  }
  const host = SCP_LIKE.exec(git)?.[1];
  return host ? { http: false, host: host.toLowerCase() } : null;
}
