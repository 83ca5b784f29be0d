import { notifications } from '@mantine/notifications';
import { IconCheck, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** A short word that something was done. */
export function tell(message: ReactNode): void {
  notifications.show({ message, icon: <IconCheck size={16} />, color: 'green.8', autoClose: 5000 });
}

/** Says what failed and why; stays until it is read. */
export function tellFailure(title: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  notifications.show({ title, message, icon: <IconX size={16} />, color: 'red.7', autoClose: false });
}
