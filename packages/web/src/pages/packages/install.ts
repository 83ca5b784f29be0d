import type { PackageSummary, PublishedFile } from '@kiln/protocol/api.ts';
import { farmUrl } from '../../api/base.ts';

const utf8 = new TextEncoder();

/** The name of a version's folder in a repository: every byte but letters, digits and . _ + ~ - is written as %XX. */
export function versionFolder(version: string): string {
  return version.replace(/[^A-Za-z0-9._+~-]|^\./gu, (character) =>
    [...utf8.encode(character)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}

/** Where a published file is. The archive keeps it there for good. */
export function fileUrl(made: PackageSummary, file: PublishedFile): string {
  const path = [made.repository, 'archive', made.package, versionFolder(made.version), ...file.name.split('/')];
  return farmUrl(`repo/${path.map(encodeURIComponent).join('/')}`);
}

/** Whether a package is for apt. */
export function isDebian(made: PackageSummary): boolean {
  return made.files.some((file) => file.name.endsWith('.deb'));
}

/** Lines for a terminal that add the repository to apt, once, and install what the package has. */
export function aptLines(made: PackageSummary): { add: string; install: string } {
  const base = farmUrl(`repo/${encodeURIComponent(made.repository)}/active`);
  const key = `/etc/apt/keyrings/kiln-${made.repository}.asc`;
  const list = `/etc/apt/sources.list.d/kiln-${made.repository}.list`;
  const names = made.files.filter((file) => file.name.endsWith('.deb')).map((file) => debianName(file.name));
  return {
    add: [
      `sudo install -d -m 755 /etc/apt/keyrings`,
      `sudo curl -fsSL -o ${key} ${base}/key.asc`,
      `echo "deb [signed-by=${key}] ${base} stable main" | sudo tee ${list}`,
    ].join('\n'),
    install: `sudo apt-get update && sudo apt-get install ${[...new Set(names)].join(' ')}`,
  };
}

/** The package's name in a file called `<name>_<version>_<architecture>.deb`. */
function debianName(file: string): string {
  return (file.split('/').at(-1) ?? file).replace(/\.deb$/, '').split('_')[0] ?? file;
}

/** Lines for a terminal that fetch the files and check them. */
export function curlLines(made: PackageSummary): string {
  const quoted = (text: string) => (/^[\w@%+=:,./~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  return made.files
    .flatMap((file) => {
      const name = file.name.split('/').at(-1) ?? file.name;
      return [
        `curl -fsSL -o ${quoted(name)} ${quoted(fileUrl(made, file))}`,
        `echo ${quoted(`${file.sha256}  ${name}`)} | sha256sum -c -`,
      ];
    })
    .join('\n');
}
