import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { CompiledPublish } from '@kiln/protocol/compiled.ts';
import type { S3Access } from '@kiln/service/config-blobs.ts';
import type { BlobStore } from '@kiln/store/blobs/blob-store.ts';
import { FolderBlobs } from '@kiln/store/blobs/folder.ts';
import type { Database } from '@kiln/store/database.ts';
import type { Artifact } from '@kiln/store/runs/staged-outputs.ts';
import type { PublishContext } from './context.ts';
import type { RunToPublish } from './publish-run.ts';
import { newStagedKey } from './staged.ts';

const run = promisify(execFile);

/** Folders of a farm of a test's own, and what it logged. */
export interface TestFarm {
  context: PublishContext;
  /** The folder of a repository. */
  repository(name?: string): string;
  warnings: { fields: object; message: string }[];
  infos: { fields: object; message: string }[];
  remove(): Promise<void>;
}

const NO_SERVICE: S3Access = {
  endpoint: null,
  region: 'us-east-1',
  accessKeyFile: null,
  secretKeyFile: null,
  pathStyle: false,
};

/** Makes the folders of a farm under a temporary one. With `s3`, repositories are copied to `repositories/` in the bucket kiln. */
export async function testFarm(db: Database, s3: S3Access = NO_SERVICE): Promise<TestFarm> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kiln-publish-'));
  const warnings: TestFarm['warnings'] = [];
  const infos: TestFarm['infos'] = [];
  return {
    context: {
      config: {
        dataDir,
        repositoriesDir: join(dataDir, 'repositories'),
        repositoriesBucket: s3 === NO_SERVICE ? null : { name: 'kiln', prefix: 'repositories/' },
        s3,
        stagingDir: join(dataDir, 'staging'),
      },
      db,
      blobs: new FolderBlobs(join(dataDir, 'blobs')),
      log: {
        warn: (fields, message) => warnings.push({ fields, message }),
        info: (fields, message) => infos.push({ fields, message }),
      },
    },
    repository: (name = 'main') => join(dataDir, 'repositories', name),
    warnings,
    infos,
    remove: async () => await rm(dataDir, { recursive: true, force: true }),
  };
}

/** Stages files as an agent's upload would have, and gives the run that publishes them. */
export async function stageRun(
  blobs: BlobStore,
  name: string,
  version: string,
  files: Record<string, string | Buffer>,
  publish: Partial<CompiledPublish> = {},
): Promise<RunToPublish> {
  const runId = randomUUID();
  const jobId = randomUUID();
  const artifacts: Artifact[] = [];
  for (const [path, data] of Object.entries(files)) {
    const key = newStagedKey(runId);
    await blobs.put(key, Buffer.from(data));
    artifacts.push({ jobId, attempt: 1, path, bytes: Buffer.byteLength(data), sha256: sha256(data), key });
  }
  return {
    runId,
    requestId: randomUUID(),
    recipe: name,
    version,
    publish: { repository: 'main', package: name, files: [], keep: 1, ...publish },
    artifacts,
  };
}

/** What `index.json` says, as far as tests ask. */
export interface Index {
  generation: number;
  packages: {
    package: string;
    versions: { version: string; files: { name: string; path: string; bytes: number; sha256: string }[] }[];
  }[];
}

/**
 * Reads the active view of a moment and checks it as a careful client would: the signature over the index by openssl, every
 * file's size and digest, and SHA256SUMS. Throws on the first thing that is wrong.
 */
export async function verifyView(repository: string): Promise<Index> {
  const view = await realpath(join(repository, 'active'));
  const text = await readFile(join(view, 'index.json'), 'utf8');
  const scratch = await mkdtemp(join(tmpdir(), 'kiln-verify-'));
  try {
    const signature = Buffer.from(await readFile(join(view, 'index.json.sig'), 'utf8'), 'base64');
    if (signature.length !== 64) throw new Error(`the signature has ${signature.length} bytes`);
    await writeFile(join(scratch, 'index.json'), text);
    await writeFile(join(scratch, 'signature'), signature);
    const asked = ['-verify', '-pubin', '-inkey', join(view, 'key.pem'), '-rawin', '-in', 'index.json'];
    await run('openssl', ['pkeyutl', ...asked, '-sigfile', 'signature'], { cwd: scratch });
  } finally {
    await rm(scratch, { recursive: true });
  }
  const index: Index = JSON.parse(text);
  const sums: string[] = [];
  for (const file of index.packages.flatMap((one) => one.versions.flatMap((version) => version.files))) {
    const data = await readFile(join(view, file.path));
    if (data.length !== file.bytes || sha256(data) !== file.sha256) throw new Error(`${file.path} has other bytes`);
    sums.push(`${file.sha256}  ${file.path}\n`);
  }
  if ((await readFile(join(view, 'SHA256SUMS'), 'utf8')) !== sums.join('')) throw new Error('SHA256SUMS differs');
  return index;
}

/** `package version` of all that an index shows, in its order. */
export function shown(index: Index): string[] {
  return index.packages.flatMap((one) => one.versions.map(({ version }) => `${one.package} ${version}`));
}

/** Every path below a folder, sorted; links as `path -> target`, and not followed. */
export async function tree(folder: string, below = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) found.push(...(await tree(folder, path)));
    else found.push(entry.isSymbolicLink() ? `${path} -> ${await readlink(join(folder, path))}` : path);
  }
  return found.sort();
}

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
