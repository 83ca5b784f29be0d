import { useLocalStorage } from '@mantine/hooks';

export const TIME_MODES = ['since', 'clock', 'off'] as const;
export type TimeMode = (typeof TIME_MODES)[number];

/** How this viewer likes logs, kept in the browser. */
export interface LogPrefs {
  times: TimeMode;
  wrap: boolean;
  /** Phases and steps that ended well are folded, where the address says nothing else. */
  foldDone: boolean;
}

const DEFAULTS: LogPrefs = { times: 'since', wrap: false, foldDone: false };

/** The preferences, and what changes them. */
export function useLogPrefs(): { prefs: LogPrefs; nextTimes: () => void; set: (changes: Partial<LogPrefs>) => void } {
  const [kept, setPrefs] = useLocalStorage<Partial<LogPrefs>>({
    key: 'kiln-log',
    defaultValue: DEFAULTS,
    getInitialValueInEffect: false,
  });
  const prefs = { ...DEFAULTS, ...kept };
  const set = (changes: Partial<LogPrefs>) => setPrefs({ ...prefs, ...changes });
  const next = TIME_MODES[(TIME_MODES.indexOf(prefs.times) + 1) % TIME_MODES.length] ?? 'since';
  return { prefs, nextTimes: () => set({ times: next }), set };
}
