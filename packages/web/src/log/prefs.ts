import { useLocalStorage } from '@mantine/hooks';

export const TIME_MODES = ['since', 'clock', 'off'] as const;
export type TimeMode = (typeof TIME_MODES)[number];

/** How this viewer likes logs, kept in the browser. */
export interface LogPrefs {
  times: TimeMode;
  wrap: boolean;
}

/** The preferences, and what changes them. */
export function useLogPrefs(): { prefs: LogPrefs; nextTimes: () => void; setWrap: (wrap: boolean) => void } {
  const [prefs, setPrefs] = useLocalStorage<LogPrefs>({
    key: 'kiln-log',
    defaultValue: { times: 'since', wrap: false },
    getInitialValueInEffect: false,
  });
  return {
    prefs,
    nextTimes: () => {
      const at = TIME_MODES.indexOf(prefs.times);
      setPrefs({ ...prefs, times: TIME_MODES[(at + 1) % TIME_MODES.length] ?? 'since' });
    },
    setWrap: (wrap) => setPrefs({ ...prefs, wrap }),
  };
}
