import { Modal } from '@mantine/core';
import { LOG_KEYS } from '../log/keymap.ts';
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
  { title: 'Log', keys: LOG_KEYS },
  { title: 'Pages', keys: PLACES.map(({ key, label }) => [['g', key], label]) },
];

/** What the keyboard can do. */
export default function Help({ onClose }: { onClose: () => void }) {
  return (
    <Modal opened onClose={onClose} title={<b>Keyboard</b>} size={900}>
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
