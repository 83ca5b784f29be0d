import css from './progress.module.css';

/** How far something in progress is, 0 to 100. */
export function ProgressBar({ percent, label }: { percent: number; label: string }) {
  return (
    <span className={css.wrap}>
      <span
        className={css.bar}
        role="progressbar"
        aria-label={label}
        aria-valuenow={Math.round(percent)}
        aria-valuemin={0}
        aria-valuemax={100}
      >
        <span style={{ transform: `scaleX(${Math.min(100, Math.max(0, percent)) / 100})` }} />
      </span>
      <span className={css.figure}>{Math.round(percent)}%</span>
    </span>
  );
}
