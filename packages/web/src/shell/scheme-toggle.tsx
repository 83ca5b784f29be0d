import { ActionIcon, Tooltip, useMantineColorScheme } from '@mantine/core';
import { IconDeviceDesktop, IconMoon, IconSun } from '@tabler/icons-react';

const NEXT = { auto: 'light', light: 'dark', dark: 'auto' } as const;
const LOOK = {
  auto: { icon: IconDeviceDesktop, word: 'as the system' },
  light: { icon: IconSun, word: 'light' },
  dark: { icon: IconMoon, word: 'dark' },
} as const;

/** Turns the colours from the system's to light to dark. */
export function useNextScheme(): { word: string; next: string; turn: () => void; icon: typeof IconSun } {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const { icon, word } = LOOK[colorScheme];
  const next = NEXT[colorScheme];
  return { word, next: LOOK[next].word, turn: () => setColorScheme(next), icon };
}

export function SchemeToggle() {
  const { word, next, turn, icon: Icon } = useNextScheme();
  return (
    <Tooltip label={`Colours: ${word}`}>
      <ActionIcon aria-label={`Colours: ${word}. Change to ${next}`} onClick={turn}>
        <Icon size={17} stroke={1.7} />
      </ActionIcon>
    </Tooltip>
  );
}
