import { resolve } from 'node:path';

const PROTOCOLS = ['https:', 'http:', 'ssh:', 'git:', 'file:'];
/** `git@host:owner/name.git`: a colon before the first slash, and no protocol. */
const SCP_LIKE = /^(?:[^@/\s:]+@)?[^/\s:]+:(?!\/\/)(.+)$/;
const HAS_PROTOCOL = /^[a-z][a-z0-9+.-]*:\/\//i;

/** What is wrong with the address of an upstream, or null. */
export function gitProblem(git: string): { message: string; fix: string } | null {
  if (/^-|\p{Cc}/u.test(git)) {
    return { message: `upstream.git can't be "${git}"`, fix: 'write an address, or ./ before a path' };
  }
  if (/^\w+::/.test(git)) {
    return { message: `upstream.git uses a remote helper, "${git}"`, fix: `use one of ${PROTOCOLS.join(' ')}` };
  }
  if (!HAS_PROTOCOL.test(git)) return null;
  const url = URL.canParse(git) ? new URL(git) : null;
  if (!url) return { message: `upstream.git is not an address: "${git}"`, fix: 'check its host and port' };
  if (!PROTOCOLS.includes(url.protocol)) {
    return { message: `upstream.git uses ${url.protocol}//`, fix: `use one of ${PROTOCOLS.join(' ')}` };
  }
  if (url.password !== '') {
    return {
      message: 'upstream.git has a password in it, which would show in logs and process lists',
      fix: 'leave it out; git finds it in ~/.netrc, or use an ssh key',
    };
  }
  return null;
}

/** The address as git takes it: a local path becomes absolute, seen from the recipes folder. */
export function resolveGit(git: string, folder: string): string {
  return HAS_PROTOCOL.test(git) || SCP_LIKE.test(git) ? git : resolve(folder, git);
}

/** `owner/name` in lower case, by which forges call the repository; null for local paths and addresses without an owner. */
export function repositoryOf(git: string): string | null {
  const path = HAS_PROTOCOL.test(git) ? pathOfUrl(git) : SCP_LIKE.exec(git)?.[1];
  const name = path === undefined || path === null ? '' : normalizeRepository(path);
  return name.includes('/') ? name : null;
}

/** The one spelling in which names of repositories are compared. */
export function normalizeRepository(name: string): string {
  return name
    .replace(/^\/+|\/+$/g, '')
    .replace(/\.git$/i, '')
    .toLowerCase();
}

function pathOfUrl(git: string): string | null {
  if (!URL.canParse(git)) return null;
  const url = new URL(git);
  if (url.protocol === 'file:') return null;
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    return url.pathname;
  }
}
