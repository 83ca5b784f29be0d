import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A real bare repository for tests. It is written to directly, without a working tree, so each change takes milliseconds. */
export class GitRepository {
  readonly path: string;
  #seconds = Date.UTC(2024, 0, 1) / 1000;

  private constructor(path: string) {
    this.path = path;
  }

  /** Makes an empty repository at `<root>/<name>.git` whose first branch is main. */
  static async create(root: string, name: string): Promise<GitRepository> {
    const path = join(root, `${name}.git`);
    await mkdir(path, { recursive: true });
    const repository = new GitRepository(path);
    await repository.git('init', '--quiet', '--bare', '--initial-branch=main', path);
    return repository;
  }

  /**
   * Makes a repository with a commit for each of these tags; one whose name begins with `@` is annotated (and called what
   * follows). The last commit is main.
   */
  static async withTags(root: string, name: string, tags: readonly string[]): Promise<GitRepository> {
    const repository = await GitRepository.create(root, name);
    for (const tag of tags) await repository.release(tag);
    return repository;
  }

  /**
   * Commits on a branch, from the branch's last commit: the files given are added to those of before (a text, or a text
   * that can be run: `{ executable: text }`). Returns the commit. Commits are an hour apart, from 2024-01-01 on.
   */
  async commit(
    files: Record<string, string | { executable: string }> = {},
    { branch = 'main', message = 'Change' }: { branch?: string; message?: string } = {},
  ): Promise<string> {
    const ref = `refs/heads/${branch}`;
    const parent = await this.resolve(ref);
    const index = { GIT_INDEX_FILE: join(this.path, `index-${branch.replaceAll('/', '-')}`) };
    for (const [path, content] of Object.entries(files)) {
      const mode = typeof content === 'string' ? '100644' : '100755';
      const blob = await this.#write(typeof content === 'string' ? content : content.executable);
      await this.#run(['update-index', '--add', '--cacheinfo', `${mode},${blob},${path}`], index);
    }
    const tree = await this.#run(['write-tree'], index);
    this.#seconds += 3600;
    const date = `${this.#seconds} +0000`;
    const dates = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    const commit = await this.#run(['commit-tree', tree, ...(parent ? ['-p', parent] : []), '-m', message], dates);
    await this.git('update-ref', ref, commit);
    return commit;
  }

  /** Puts a tag on a commit (main's last one when none is given), moving it when it is there. */
  async tag(name: string, { commit, annotated = false }: { commit?: string; annotated?: boolean } = {}): Promise<void> {
    const annotation = annotated ? ['--annotate', '--message', `Release ${name}`] : [];
    await this.git('tag', '--force', ...annotation, name, commit ?? 'refs/heads/main');
  }

  /** A new commit with a tag on it; `@name` makes an annotated tag. Returns the commit. */
  async release(tag: string): Promise<string> {
    const annotated = tag.startsWith('@');
    const name = annotated ? tag.slice(1) : tag;
    const commit = await this.commit({ VERSION: `${name}\n` }, { message: `Release ${name}` });
    await this.tag(name, { commit, annotated });
    return commit;
  }

  async deleteTag(name: string): Promise<void> {
    await this.git('tag', '--delete', name);
  }

  /** The commit behind a ref, or null. */
  async resolve(ref: string): Promise<string | null> {
    return await this.git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`).catch(() => null);
  }

  /** Any git command on this repository; returns what it prints. */
  async git(...args: string[]): Promise<string> {
    return await this.#run(args);
  }

  async #run(args: readonly string[], environment: Record<string, string> = {}): Promise<string> {
    const { stdout } = await run('git', ['--git-dir', this.path, ...args], { env: { ...ENVIRONMENT, ...environment } });
    return stdout.trim();
  }

  async #write(content: string): Promise<string> {
    const writing = run('git', ['--git-dir', this.path, 'hash-object', '-w', '--stdin'], { env: ENVIRONMENT });
    writing.child.stdin?.end(content);
    return (await writing).stdout.trim();
  }
}

const ENVIRONMENT = {
  PATH: process.env.PATH,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'Upstream',
  GIT_AUTHOR_EMAIL: 'upstream@example.org',
  GIT_COMMITTER_NAME: 'Upstream',
  GIT_COMMITTER_EMAIL: 'upstream@example.org',
};
