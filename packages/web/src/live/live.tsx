import { createContext, type ReactNode, useContext, useEffect, useSyncExternalStore } from 'react';
import type { LiveConnection, LiveState } from './connection.ts';

const LiveContext = createContext<LiveConnection | null>(null);

/** Gives what is below the live socket. It is opened by `useLiveWhileShown`. */
export function LiveProvider({ connection, children }: { connection: LiveConnection; children: ReactNode }) {
  return <LiveContext value={connection}>{children}</LiveContext>;
}

/** Keeps the live socket open while the component is shown. */
export function useLiveWhileShown(): void {
  const connection = useLive();
  useEffect(() => {
    connection.start();
    return () => connection.stop();
  }, [connection]);
}

/** The live socket. Throws outside of a LiveProvider. */
export function useLive(): LiveConnection {
  const connection = useContext(LiveContext);
  if (!connection) throw new Error('useLive must be used below a LiveProvider');
  return connection;
}

/** How the live socket is now. */
export function useLiveState(): LiveState {
  const live = useLive();
  return useSyncExternalStore(
    (listener) => live.subscribe(listener),
    () => live.state,
  );
}
