import { createHash } from 'node:crypto';
import { link, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { controlFields, identify } from './deb.ts';
import { isSystemError, makeFolder, writePublic } from './disk.ts';
import type { ReleaseKey } from './release-key.ts';
import { type ActiveView, archivePath } from './view.ts';

const compress = promisify(gzip);

/** Fields that the index gives, whatever the package says about itself. */
const OWN_FIELDS = new Set(['filename', 'size', 'md5sum', 'sha1', 'sha256', 'sha512']);
/** Served when a repository has only packages for every architecture, so that usual machines find them. */
const USUAL_ARCHITECTURES = ['amd64', 'arm64'];
const COMPONENT = 'main';
export const SUITE = 'stable';

/** Whether the view has any Debian package. */
export function hasDebs(view: ActiveView): boolean {
  return view.some(({ versions }) => versions.some(({ files }) => files.some(({ control }) => control !== undefined)));
}

/**
 * Writes `dists/stable` for the Debian packages of the view, whose files apt finds under `pool/`. `before` are the folders
 * of earlier generations: their package lists stay reachable by hash, so that a client that read the older Release in the
 * moment of a switch still gets what it names.
 */
export async function writeAptIndex(
  folder: string,
  view: ActiveView,
  key: ReleaseKey,
  options: { repository: string; now: Date; before: readonly string[] },
): Promise<void> {
  const stanzas = stanzasByArchitecture(view);
  const dist = join(folder, 'dists', SUITE);
  const listed: string[] = [];
  for (const [architecture, texts] of stanzas) {
    const part = `${COMPONENT}/binary-${architecture}`;
    const byHash = join(dist, part, 'by-hash', 'SHA256');
    await makeFolder(byHash);
    const text = texts.map((stanza) => `${stanza}\n`).join('\n');
    for (const [name, data] of [
      ['Packages', Buffer.from(text)],
      ['Packages.gz', await compress(text)],
    ] as const) {
      await writePublic(join(dist, part, name), data);
      await linkByHash(join(dist, part, name), byHash, data);
      for (const earlier of options.before) await linkEarlier(join(earlier, 'dists', SUITE, part, name), byHash);
      listed.push(` ${sha256(data)} ${data.length} ${part}/${name}`);
    }
  }
  const release = releaseText([...stanzas.keys()], listed, options);
  await writePublic(join(dist, 'Release'), release);
  await writePublic(join(dist, 'Release.gpg'), await key.signBeside(release));
  await writePublic(join(dist, 'InRelease'), await key.signAround(release));
}

/** The entries of the package lists. Packages for all architectures are in every list, and in one of their own. */
function stanzasByArchitecture(view: ActiveView): Map<string, string[]> {
  const found = new Map<string, Map<string, string>>();
  for (const version of view.flatMap(({ versions }) => versions)) {
    for (const file of version.files) {
      if (file.control === undefined) continue;
      const deb = identify(file.control, file.name);
      const stanza = [
        ...controlFields(file.control).filter(([name]) => !OWN_FIELDS.has(name.toLowerCase())),
        ['Filename', `pool/${archivePath(version, file)}`],
        ['Size', String(file.bytes)],
        ['SHA256', file.sha256],
      ].map(([name, value]) => `${name}: ${value}`);
      const list = found.get(deb.architecture) ?? new Map<string, string>();
      const identity = `${deb.package} ${deb.version}`;
      // The same one in two published versions is listed once, as the higher of them has it.
      if (!list.has(identity)) list.set(identity, stanza.join('\n'));
      found.set(deb.architecture, list);
    }
  }
  const forAll = [...(found.get('all')?.values() ?? [])];
  const real = [...found.keys()].filter((architecture) => architecture !== 'all');
  const architectures = real.length > 0 ? real.sort() : USUAL_ARCHITECTURES;
  const lists = architectures.map((one): [string, string[]] => [one, [...(found.get(one)?.values() ?? []), ...forAll]]);
  return new Map(forAll.length > 0 ? [['all', forAll], ...lists] : lists);
}

/**
 * There is no Valid-Until: a repository is signed when something is published, and one that rests for a year is as good
 * as before.
 */
function releaseText(
  architectures: readonly string[],
  listed: readonly string[],
  { repository, now }: { repository: string; now: Date },
): string {
  return `${[
    'Origin: Kiln',
    `Label: ${repository}`,
    `Suite: ${SUITE}`,
    `Codename: ${SUITE}`,
    `Date: ${now.toUTCString().replace('GMT', 'UTC')}`,
    `Architectures: ${architectures.join(' ')}`,
    `Components: ${COMPONENT}`,
    `Description: Packages of the Kiln repository ${repository}`,
    'Acquire-By-Hash: yes',
    'SHA256:',
    ...listed,
  ].join('\n')}\n`;
}

async function linkEarlier(file: string, byHash: string): Promise<void> {
  const data = await readFile(file).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  });
  if (data) await linkByHash(file, byHash, data);
}

async function linkByHash(file: string, byHash: string, data: Uint8Array): Promise<void> {
  const path = join(byHash, sha256(data));
  await link(file, path).catch(async (error: unknown) => {
    if (isSystemError(error, 'EEXIST')) return;
    // Some file systems have no hard links.
    await writeFile(path, data, { mode: 0o644 });
  });
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
