import { useClipboard } from '@mantine/hooks';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import css from './copy.module.css';

/** Text that copies itself on click. `label` says what it is; `children` is what is shown, the whole value by default. */
export function Copy({ value, label, children }: { value: string; label: string; children?: ReactNode }) {
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <button
      type="button"
      className={css.copy}
      title={`${value}\nClick to copy`}
      aria-label={`Copy ${label} ${value}`}
      onClick={() => clipboard.copy(value)}
    >
      <span className="mono">{children ?? value}</span>
      {clipboard.copied ? <IconCheck size={12} className={css.done} /> : <IconCopy size={12} className={css.icon} />}
    </button>
  );
}

/** Lines to run in a terminal, with a button that copies them all. */
export function Commands({ lines, label }: { lines: string; label: string }) {
  const clipboard = useClipboard({ timeout: 1500 });
  return (
    <div className={css.commands}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls must be reachable by keyboard */}
      <pre tabIndex={0}>{lines}</pre>
      <button type="button" aria-label={`Copy ${label}`} onClick={() => clipboard.copy(lines)}>
        {clipboard.copied ? <IconCheck size={14} className={css.done} /> : <IconCopy size={14} />}
      </button>
    </div>
  );
}
