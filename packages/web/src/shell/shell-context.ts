import { createContext, useContext } from 'react';

/** What any page may ask of the frame around it. */
export interface Shell {
  openPalette: () => void;
  openHelp: () => void;
  /** Asks which recipe to run, or how to run the one named. */
  openRunDialog: (recipe?: string) => void;
}

export const ShellContext = createContext<Shell | null>(null);

/** The frame around the page. Throws outside of it. */
export function useShell(): Shell {
  const shell = useContext(ShellContext);
  if (!shell) throw new Error('useShell must be used within the shell');
  return shell;
}
