import { Modal } from '@mantine/core';
import css from './help.module.css';
import { PLACES } from './places.ts';

const GROUPS: { title: string; keys: [keys: string[], does: string][] }[] = [
  {
    title: 'Anywhere',
    keys: [
      [['Ctrl', 'K'], 'Go to anything, do anything'],
      [['/'], 'Search on this page'],
      [['?'], 'This help'],
      [['Esc'], 'Close what is open'],
    ],
  },
  {
    title: 'Lists',
    keys: [
      [['j'], 'Next line'],
      [['k'], 'Line before'],
      [['Enter'], 'Open the line'],
    ],
  },
  {
    title: 'Log',
    keys: [
      [['End'], 'Jump to the end and follow'],
      [['Home'], 'Jump to the beginning'],
      [['e'], 'Jump to the first error line'],
      [['w'], 'Wrap long lines, or not'],
      [['t'], 'Times: since the start, of the clock, off'],
    ],
  },
  { title: 'Pages', keys: PLACES.map(({ key, label }) => [['g', key], label]) },
];

/** What the keyboard can do. */
export default function Help({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={<b>Keyboard</b>} size="lg">
      <div className={css.groups}>
        {GROUPS.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([names, does]) => (
                <div key={does}>
                  <dt>
                    {names.map((name) => (
                      <kbd key={name}>{name}</kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
