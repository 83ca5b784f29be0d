import type { RecipeSummary } from '@kiln/protocol/api.ts';
import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { queries } from '../../api/queries.ts';
import { plural } from '../../parts/format.ts';
import { useListKeys } from '../../parts/keys.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Page, Section } from '../../parts/page.tsx';
import { Status } from '../../parts/status.tsx';
import { Ago } from '../../parts/time.tsx';
import { PollNote } from './poll-note.tsx';
import css from './recipes.module.css';

const route = getRouteApi('/app/recipes');

/** What is watched, and how it went last. */
export function RecipesPage() {
  const query = useQuery(queries.recipes);
  const { q = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useRef<HTMLDivElement>(null);
  useListKeys(list);
  return (
    <Page title="Recipes" lead="What the farm watches, runs and publishes">
      <Loaded query={query} what="The recipes" skeleton={<SkeletonRows rows={8} height={36} />}>
        {({ recipes }) => {
          if (recipes.length === 0) return <NoRecipes />;
          const wanted = q.toLowerCase();
          const shown = recipes.filter(({ name, description }) =>
            `${name} ${description}`.toLowerCase().includes(wanted),
          );
          return (
            <>
              <TextInput
                aria-label="Search recipes"
                placeholder="Name or description"
                leftSection={<IconSearch size={14} />}
                w={240}
                value={q}
                onChange={({ currentTarget: { value } }) =>
                  void navigate({ search: value ? { q: value } : {}, replace: true })
                }
                data-search
              />
              <div ref={list}>
                <Section
                  title={q ? `${shown.length} of ${plural(recipes.length, 'recipe')}` : plural(shown.length, 'recipe')}
                >
                  {shown.length === 0 && <Empty title={`No recipe has “${q}” in its name or description`} />}
                  <ul>
                    {shown.map((recipe) => (
                      <RecipeLine key={recipe.name} recipe={recipe} />
                    ))}
                  </ul>
                </Section>
              </div>
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function RecipeLine({ recipe }: { recipe: RecipeSummary }) {
  const { lastRun, publishedVersion, newestVersion } = recipe;
  return (
    <li className={css.line}>
      <div className={css.what}>
        <Link to="/recipes/$name" params={{ name: recipe.name }} className={css.name} data-item>
          {recipe.name}
        </Link>
        <p className={css.description}>{recipe.description || recipe.triggers.join(', ')}</p>
      </div>
      <div className={css.poll}>
        <PollNote recipe={recipe} />
      </div>
      <div className={css.version}>
        <span className={css.key}>published</span>
        <span className="mono">{publishedVersion ?? '–'}</span>
        {newestVersion && newestVersion !== publishedVersion && (
          <>
            <span className={css.key}>upstream has</span>
            <span className="mono">{newestVersion}</span>
          </>
        )}
      </div>
      <div className={css.run}>
        {lastRun ? (
          <>
            <Status status={lastRun.status} />
            <span className="dim">
              <Ago at={lastRun.createdAt} />
            </span>
          </>
        ) : (
          <span className="dim">never ran</span>
        )}
      </div>
    </li>
  );
}

function NoRecipes() {
  return (
    <Empty title="There are no recipes yet">
      <p>
        A recipe is a YAML or TypeScript file in the folder that <code>recipes_dir</code> of <code>kiln.yaml</code>{' '}
        names. It says which upstream to watch, what to run and what to publish.
      </p>
      <p>
        Write one, check it with <code>kiln recipes check</code>, then send the server a SIGHUP or start it again.
      </p>
    </Empty>
  );
}
