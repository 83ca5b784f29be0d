import { join } from 'node:path';
import { PublishError } from './errors.ts';

/** Where the parts of one repository are. Everything that is moved into place lies on the file system of `root`. */
export interface RepositoryPaths {
  root: string;
  /** Everything ever published: <package>/<version>/<files>. */
  archive: string;
  archiveIndex: string;
  /** The active views, one numbered folder each. */
  generations: string;
  /** The link to the generation that is served. */
  active: string;
  /** Work in progress; what a killed publisher left is removed by the next. */
  temporary: string;
}

const NAME = /^[a-z0-9][a-z0-9._+-]{0,127}$/;

/** The parts of a repository. Throws a PublishError on a name that could lead out of the folder. */
export function repositoryPaths(repositoriesDir: string, repository: string): RepositoryPaths {
  checkName('repository', repository);
  const root = join(repositoriesDir, repository);
  return {
    root,
    archive: join(root, 'archive'),
    archiveIndex: join(root, 'archive', 'index.json'),
    generations: join(root, 'generations'),
    active: join(root, 'active'),
    temporary: join(root, '.tmp'),
  };
}

/** Throws a PublishError unless `name` may be the name of a folder: lower-case letters, digits and . _ + -. */
export function checkName(what: 'repository' | 'package', name: string): void {
  if (NAME.test(name)) return;
  throw new PublishError(`"${name}" can't be the name of a ${what}: use lower-case letters, digits and . _ + -`, {
    final: true,
  });
}

/**
 * The name of a version's folder: the version itself, with every byte but letters, digits and . _ + ~ - written as %XX,
 * and so a dot in front. Different versions have different folders, and none leads elsewhere.
 */
export function versionFolder(version: string): string {
  const percent = (character: string): string =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
  const folder = version.replace(/[^A-Za-z0-9._+~-]|^\./gu, percent);
  if (folder.length > 0 && folder.length <= 255) return folder;
  throw new PublishError(`the version "${version}" is ${folder === '' ? 'empty' : 'too long for a folder'}`, {
    final: true,
  });
}

/** The version that `versionFolder` wrote as this folder, or null when it wrote no such name. */
export function versionOfFolder(folder: string): string | null {
  try {
    const version = decodeURIComponent(folder);
    return versionFolder(version) === folder ? version : null;
  } catch {
    return null;
  }
}

const MAX_PATH_BYTES = 1024;
const MAX_NAME_BYTES = 255;

/** Why a path of an artifact can't be used as a path below a folder of ours, or null when it can. */
export function unsafePath(path: string): string | null {
  if (path === '') return 'it is empty';
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) return `it is longer than ${MAX_PATH_BYTES} bytes`;
  if (/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u.test(path)) return 'it has control characters';
  if (path.includes('\\')) return 'it has a backslash';
  for (const part of path.split('/')) {
    if (part === '') return 'it begins or ends with a slash, or has two in a row';
    if (part === '.' || part === '..') return `it has a part "${part}"`;
    if (Buffer.byteLength(part) > MAX_NAME_BYTES) return `it has a part longer than ${MAX_NAME_BYTES} bytes`;
  }
  return null;
}
