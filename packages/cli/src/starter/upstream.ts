import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Release, readChangelog } from './changelog.ts';

/** A file of a tree. */
interface TreeFile {
  path: string;
  executable: boolean;
  content: Buffer;
}

const PERSON = 'Kiln <kiln@localhost>';

/**
 * Makes a bare git repository at `target` out of a folder: a commit and a tag `v<version>` for each entry of its
 * CHANGELOG.md, and a tag `nightly` on the newest. The folder is the newest version; `<folder>.history/<version>` has the
 * files that were different up to that version. The same folder always gives the same commits.
 */
export async function makeUpstream(folder: string, target: string): Promise<void> {
  const releases = readChangelog(await readFile(join(folder, 'CHANGELOG.md'), 'utf8'));
  const trees = await treesOf(folder, releases);
  const draft = await mkdtemp(join(dirname(target), '.making-'));
  try {
    await git(['init', '--quiet', '--bare', draft]);
    await writeFile(join(draft, 'HEAD'), 'ref: refs/heads/main\n');
    await git(['-C', draft, 'fast-import', '--quiet'], history(releases, trees));
    await rename(draft, target);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The tree of each release, from the newest backwards, each older one with its differences laid over. */
async function treesOf(folder: string, releases: readonly Release[]): Promise<Map<string, TreeFile[]>> {
  const trees = new Map<string, TreeFile[]>();
  let tree = new Map((await filesOf(folder)).map((file) => [file.path, file]));
  for (const release of releases.toReversed()) {
    const overlay = await filesOf(`${folder}.history/${release.version}`);
    tree = new Map([...tree, ...overlay.map((file) => [file.path, file] as const)]);
    const log = { path: 'CHANGELOG.md', executable: false, content: Buffer.from(release.changelog) };
    trees.set(release.version, [...new Map([...tree, [log.path, log]]).values()]);
  }
  return trees;
}

async function filesOf(folder: string): Promise<TreeFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    paths.sort().map(async (path) => ({
      path: relative(folder, path),
      executable: ((await stat(path)).mode & 0o100) !== 0,
      content: await readFile(path),
    })),
  );
}

/** The input of `git fast-import`. */
function history(releases: readonly Release[], trees: ReadonlyMap<string, TreeFile[]>): Buffer {
  const parts: (string | Buffer)[] = [];
  const data = (content: string | Buffer) => parts.push(`data ${Buffer.byteLength(content)}\n`, content, '\n');
  for (const [index, { version, time, message }] of releases.entries()) {
    const when = `${PERSON} ${time} +0000`;
    parts.push(`commit refs/heads/main\nmark :${index + 1}\nauthor ${when}\ncommitter ${when}\n`);
    data(`${message}\n`);
    parts.push('deleteall\n');
    for (const file of trees.get(version) ?? []) {
      parts.push(`M ${file.executable ? '100755' : '100644'} inline ${file.path}\n`);
      data(file.content);
    }
    parts.push(`tag v${version}\nfrom :${index + 1}\ntagger ${when}\n`);
    data(`${version}\n`);
  }
  parts.push(`reset refs/tags/nightly\nfrom :${releases.length}\n`);
  return Buffer.concat(parts.map((part) => Buffer.from(part)));
}

/** Runs git without the settings of the user and the machine, which could change what comes out. */
async function git(args: string[], input?: Buffer): Promise<void> {
  const env = { PATH: process.env.PATH, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' };
  const child = spawn('git', args, { env, stdio: ['pipe', 'ignore', 'pipe'] });
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`git ${args[0]} failed: ${words.trim() || `exit code ${code}`}`)),
    );
    // git may end before it has read everything; its exit code tells then.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
