import { execFile } from 'node:child_process';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { isSystemError } from './disk.ts';
import { PublishError } from './errors.ts';

const run = promisify(execFile);
const LIMIT_MS = 60_000;

/** Who a Debian package is to apt. */
export interface DebIdentity {
  package: string;
  version: string;
  architecture: string;
}

/** Whether a file is published as a Debian package too. */
export function isDeb(name: string): boolean {
  return name.endsWith('.deb');
}

/** The control fields of a Debian package, one a line, as `dpkg-deb` reads them. `path` is absolute. Throws a PublishError. */
export async function readControl(path: string, name = basename(path)): Promise<string> {
  const control = await run('dpkg-deb', ['--field', path], {
    timeout: LIMIT_MS,
    maxBuffer: 1 << 20,
    env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
  }).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT'))
      throw new PublishError(
        `${name} is a Debian package, and publishing one needs the program dpkg-deb, which is not on this machine; install it with "apt-get install dpkg" or "brew install dpkg"`,
        { final: false, cause: error },
      );
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new PublishError(`${name} is not a Debian package that dpkg-deb can read: ${words.replaceAll(path, name)}`, {
      final: true,
      cause: error,
    });
  });
  const text = control.stdout.trimEnd();
  identify(text, name);
  return text;
}

/** Splits control fields into name and value (with the lines that continue it). */
export function controlFields(control: string): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (const line of control.split('\n')) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line) && last) last[1] += `\n${line}`;
    else fields.push([line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]);
  }
  return fields;
}

/** Who the package with these control fields is. Throws a PublishError when apt could not take it by them. */
export function identify(control: string, name: string): DebIdentity {
  const fields = new Map(controlFields(control).map(([key, value]) => [key.toLowerCase(), value]));
  const field = (key: string, pattern: RegExp): string => {
    const value = fields.get(key) ?? '';
    if (pattern.test(value)) return value;
    throw new PublishError(`the field ${key} of the Debian package ${name} is ${value ? `"${value}"` : 'missing'}`, {
      final: true,
    });
  };
  return {
    package: field('package', /^[a-z0-9][a-z0-9+.-]+$/),
    version: field('version', /^[A-Za-z0-9.+:~-]+$/),
    architecture: field('architecture', /^[a-z0-9][a-z0-9-]*$/),
  };
}
