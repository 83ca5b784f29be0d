import type { PopoverProps } from '@mantine/core';

/** Left free below a menu, in pixels. */
const MARGIN = 8;

/** A menu that is never higher than there is room: it scrolls. */
export const FITTED: NonNullable<PopoverProps['middlewares']> = {
  flip: true,
  shift: true,
  size: {
    apply: ({ availableHeight, elements }) => {
      elements.floating.style.maxHeight = `${Math.max(120, availableHeight - MARGIN)}px`;
    },
  },
};
