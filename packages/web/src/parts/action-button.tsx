import { Button, type ButtonProps } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { tellFailure } from './tell.tsx';

/** A button that does something at the farm: busy meanwhile, and a failure is told. */
export function ActionButton({
  run,
  failure,
  children,
  ...rest
}: ButtonProps & {
  run: () => Promise<unknown> /** Title of the notice when it fails. */;
  failure: string;
  children: ReactNode;
}) {
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    try {
      await run();
    } catch (error) {
      tellFailure(failure, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button {...rest} loading={busy} onClick={() => void go()}>
      {children}
    </Button>
  );
}
