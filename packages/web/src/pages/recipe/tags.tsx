import type { RecipeTag } from '@kiln/protocol/api.ts';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { Copy } from '../../parts/copy.tsx';
import { formatCount, plural, shortCommit } from '../../parts/format.ts';
import { Empty } from '../../parts/notices.tsx';
import { Section } from '../../parts/page.tsx';
import { Ago } from '../../parts/time.tsx';
import css from './recipe.module.css';

const FEW = 20;

/** Matching tags of the upstream and what became of each. */
export function Tags({ tags }: { tags: RecipeTag[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? tags : tags.slice(0, FEW);
  return (
    <Section title="Tags" note={tags.length > 0 && plural(tags.length, 'matching tag')}>
      {tags.length === 0 ? (
        <Empty title="No matching tag was seen yet">
          After the next look at the upstream, tags that match the pattern are listed here with what becomes of them.
        </Empty>
      ) : (
        <ul className={css.tags}>
          {shown.map((tag) => (
            <li key={tag.tag}>
              <span className="mono">{tag.tag}</span>
              <span className={css.state}>
                {tag.state}
                {tag.movedTo && (
                  <span className={css.moved}>
                    {' '}
                    moved to{' '}
                    <Copy value={tag.movedTo} label="commit">
                      {shortCommit(tag.movedTo)}
                    </Copy>
                  </span>
                )}
              </span>
              <Copy value={tag.commit} label="commit">
                {shortCommit(tag.commit)}
              </Copy>
              <span className={css.seen}>
                first seen <Ago at={tag.firstSeenAt} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {!all && tags.length > FEW && (
        <Button mt="sm" onClick={() => setAll(true)}>
          Show all {formatCount(tags.length)}
        </Button>
      )}
    </Section>
  );
}
