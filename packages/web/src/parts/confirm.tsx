import { Button, Group, Modal } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type ReactNode, useState } from 'react';
import { tellFailure } from './tell.tsx';

/** A button that asks first. `run` may throw; the dialog stays then, and the failure is told. */
export function ConfirmButton({
  label,
  icon,
  title,
  children,
  confirm,
  danger,
  run,
}: {
  label: string;
  icon?: ReactNode;
  title: string;
  children: ReactNode;
  /** The word on the button that does it, such as `Cancel the run`. */
  confirm: string;
  danger?: boolean;
  run: () => Promise<unknown>;
}) {
  const [opened, { open, close }] = useDisclosure(false);
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    try {
      await run();
      close();
    } catch (error) {
      tellFailure(`${label} failed`, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Button leftSection={icon} onClick={open}>
        {label}
      </Button>
      <Modal opened={opened} onClose={close} title={<b>{title}</b>}>
        {children}
        <Group justify="flex-end" mt="lg" gap="xs">
          <Button onClick={close}>Keep it</Button>
          <Button
            variant="filled"
            {...(danger ? { color: 'red.7' } : {})}
            loading={busy}
            onClick={() => void go()}
            data-autofocus
          >
            {confirm}
          </Button>
        </Group>
      </Modal>
    </>
  );
}
