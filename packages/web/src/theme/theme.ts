import {
  ActionIcon,
  Button,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Modal,
  PasswordInput,
  SegmentedControl,
  Select,
  TextInput,
  Tooltip,
} from '@mantine/core';

const ember: MantineColorsTuple = [
  '#fdf0ea',
  '#f9dccf',
  '#f3b79d',
  '#ed9068',
  '#e76f3e',
  '#dc5a22',
  '#c94d17',
  '#b93d0b',
  '#9c340a',
  '#7d2a09',
];
const red: MantineColorsTuple = [
  '#fdeceb',
  '#f9d3d1',
  '#f2a5a2',
  '#eb7773',
  '#e35753',
  '#d94545',
  '#cc3434',
  '#bd2626',
  '#a01d1d',
  '#7f1616',
];

/** The greys that Mantine picks from by number in the dark scheme: text, borders, fields, page. */
const dark: MantineColorsTuple = [
  '#e7e7e5',
  '#c9c9c6',
  '#a5a5a1',
  '#8a8a86',
  '#414146',
  '#323236',
  '#1a1a1c',
  '#141415',
  '#101011',
  '#0b0b0c',
];

/** Mantine's parts in Kiln's manner: 14 px, small controls, the ember accent. Colours live in tokens.css. */
export const theme = createTheme({
  colors: { dark, ember, red },
  primaryColor: 'ember',
  primaryShade: { light: 7, dark: 6 },
  fontFamily: 'var(--k-font)',
  fontFamilyMonospace: 'var(--k-mono)',
  fontSizes: { xs: '12px', sm: '13px', md: '14px', lg: '16px', xl: '20px' },
  lineHeights: { xs: '16px', sm: '20px', md: '20px', lg: '24px', xl: '28px' },
  defaultRadius: 6,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: Button.extend({ defaultProps: { size: 'xs', variant: 'default', fw: 500, fz: 13 } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray' } }),
    TextInput: TextInput.extend({ defaultProps: { size: 'xs' } }),
    PasswordInput: PasswordInput.extend({ defaultProps: { size: 'sm' } }),
    Select: Select.extend({ defaultProps: { size: 'xs', comboboxProps: { shadow: 'md' } } }),
    SegmentedControl: SegmentedControl.extend({ defaultProps: { size: 'xs' } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 400, withArrow: false } }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        overlayProps: { backgroundOpacity: 0.4 },
        transitionProps: { duration: 120 },
        styles: {
          content: { background: 'var(--k-surface)', border: '1px solid var(--k-line)' },
          header: { background: 'var(--k-surface)' },
        },
      },
    }),
  },
});

const shared = {
  '--mantine-color-body': 'var(--k-page)',
  '--mantine-color-text': 'var(--k-text)',
  '--mantine-color-dimmed': 'var(--k-dim)',
  '--mantine-color-placeholder': 'var(--k-faint)',
  '--mantine-color-default': 'var(--k-surface)',
  '--mantine-color-default-hover': 'var(--k-hover)',
  '--mantine-color-default-color': 'var(--k-text)',
  '--mantine-color-default-border': 'var(--k-line-strong)',
  '--mantine-color-gray-light-hover': 'var(--k-hover)',
  '--mantine-color-gray-light-color': 'var(--k-dim)',
  '--mantine-color-error': 'var(--k-red)',
};

/** Puts Mantine's own variables on the tokens, the same for both schemes: the tokens differ already. */
export const resolver: CSSVariablesResolver = () => ({ variables: {}, light: shared, dark: shared });
