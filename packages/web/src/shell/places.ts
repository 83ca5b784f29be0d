import {
  IconActivity,
  IconBox,
  IconCpu,
  IconFileText,
  IconHome,
  IconPlayerPlay,
  IconRoute,
  IconServer2,
} from '@tabler/icons-react';

/** The pages of the dashboard, in the order of the sidebar. `key` follows `g` on the keyboard. */
export const PLACES = [
  { to: '/', label: 'Overview', key: 'o', icon: IconHome },
  { to: '/runs', label: 'Runs', key: 'r', icon: IconPlayerPlay },
  { to: '/recipes', label: 'Recipes', key: 'c', icon: IconFileText },
  { to: '/packages', label: 'Packages', key: 'p', icon: IconBox },
  { to: '/fleet', label: 'Fleet', key: 'f', icon: IconServer2 },
  { to: '/hosts', label: 'Hosts', key: 'h', icon: IconCpu },
  { to: '/operations', label: 'Operations', key: 'x', icon: IconActivity },
  { to: '/trace', label: 'Trace', key: 't', icon: IconRoute },
] as const;
