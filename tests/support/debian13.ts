import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CHECKOUT } from '../../packages/cli/src/farm/location.ts';

const run = promisify(execFile);

/** Debian's own signing keys, from the package debian-archive-keyring. They cover Debian 13 on Debian 12, too. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const CACHE = join(CHECKOUT, 'node_modules', '.cache', 'kiln-debian13');

/** Programs out of Debian 13's packages, unpacked beside the machine's own and not installed. */
export interface Debian13 {
  /** Absolute path of a program that one of the packages brings. */
  program(name: string): string;
  /** Folder that a package is unpacked in. */
  root(name: string): string;
}

/**
 * Programs that Debian 12 has too old or not at all, out of these packages of Debian 13. They are fetched with apt from the
 * machine's own mirror, checked against Debian's keys, unpacked into a folder under node_modules and kept there; the
 * machine's package lists and packages stay as they are. Returns a string that says why where that is not possible; under
 * CI=true that is an error.
 */
export async function debian13(...packages: string[]): Promise<Debian13 | string> {
  try {
    const missing = packages.filter((name) => !existsSync(join(CACHE, name)));
    if (missing.length > 0) await fetchPackages(missing);
  } catch (error) {
    const reason = `no ${packages.join(', ')} of Debian 13: ${error instanceof Error ? error.message : error}`;
    if (process.env.CI === 'true') throw new Error(reason, { cause: error });
    return reason;
  }
  return { program: (name) => programPath(packages, name), root: (name) => join(CACHE, name) };
}

function programPath(packages: string[], name: string): string {
  const path = packages.map((each) => join(CACHE, each, 'usr', 'bin', name)).find((each) => existsSync(each));
  if (!path) throw new Error(`none of the packages ${packages.join(', ')} has /usr/bin/${name}`);
  return path;
}

/** A folder of its own for each caller and a rename at the end: two tests at once fetch twice, and neither sees a half. */
async function fetchPackages(packages: string[]): Promise<void> {
  if (!existsSync(KEYRING)) throw new Error(`${KEYRING} is missing; install debian-archive-keyring`);
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, '.fetch-'));
  try {
    const options = await privateApt(folder);
    await run('apt-get', [...options, '-qq', 'update'], { cwd: folder });
    await run('apt-get', [...options, '-qq', 'download', ...packages], { cwd: folder });
    const files = (await readdir(folder)).filter((file) => file.endsWith('.deb'));
    for (const name of packages) {
      const file = files.find((each) => each.startsWith(`${name}_`));
      if (!file) throw new Error(`apt-get download brought no ${name}`);
      await run('dpkg', ['-x', join(folder, file), join(folder, name)]);
      await rename(join(folder, name), join(CACHE, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Options that make apt keep to this folder and to Debian 13. */
async function privateApt(folder: string): Promise<string[]> {
  const sources = join(folder, 'sources.list');
  await writeFile(sources, `deb [signed-by=${KEYRING}] ${await mirror()} trixie main\n`);
  await writeFile(join(folder, 'status'), '');
  for (const each of ['lists/partial', 'cache/archives/partial', 'parts']) {
    await mkdir(join(folder, each), { recursive: true });
  }
  const settings = {
    'Dir::State': folder,
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': join(folder, 'parts'),
    'Dir::Etc::preferencesparts': join(folder, 'parts'),
    // The folder is the caller's own, which apt's unprivileged user can't write into.
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  return Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
}

/** The mirror of Debian's main archive that this machine uses. */
async function mirror(): Promise<string> {
  const conditions = ['Created-By: Packages', 'Origin: Debian', 'Label: Debian', 'Component: main'];
  const { stdout } = await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', ...conditions]);
  const [first] = stdout.split('\n');
  if (!first) throw new Error('apt knows no mirror of Debian here; run apt-get update');
  return first;
}
