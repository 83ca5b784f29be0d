import type { PublishedFile } from '@kiln/protocol/api.ts';
import { Copy } from './copy.tsx';
import css from './file-list.module.css';
import { formatBytes } from './format.ts';

/** Files with their sizes and checksums; `href` gives the address of one that can be fetched. */
export function FileList({ files, href }: { files: PublishedFile[]; href?: (file: PublishedFile) => string }) {
  return (
    <ul className={css.list}>
      {files.map((file) => (
        <li key={file.name}>
          {href ? (
            <a href={href(file)} className={css.name} download>
              {file.name}
            </a>
          ) : (
            <span className={css.name}>{file.name}</span>
          )}
          <span className={css.size}>{formatBytes(file.bytes)}</span>
          <span className={css.sum}>
            sha256{' '}
            <Copy value={file.sha256} label={`checksum of ${file.name}`}>
              {file.sha256.slice(0, 16)}…
            </Copy>
          </span>
        </li>
      ))}
    </ul>
  );
}
