import type { RecipeDetail } from '@kiln/protocol/api.ts';
import { Button } from '@mantine/core';
import { IconPlayerPlay, IconRefresh } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useRef } from 'react';
import { actions } from '../../api/actions.ts';
import { queries } from '../../api/queries.ts';
import { ActionButton } from '../../parts/action-button.tsx';
import { plural } from '../../parts/format.ts';
import { useListKeys } from '../../parts/keys.ts';
import { Empty, Loaded, SkeletonRows } from '../../parts/notices.tsx';
import { Fact, Facts, Page, Section } from '../../parts/page.tsx';
import { RunLines } from '../../parts/run-line.tsx';
import { tell } from '../../parts/tell.tsx';
import { Again } from '../../parts/time.tsx';
import { useShell } from '../../shell/shell-context.ts';
import { PollNote } from '../recipes/poll-note.tsx';
import { History } from './history.tsx';
import { Plan } from './plan.tsx';
import css from './recipe.module.css';
import { Tags } from './tags.tsx';

const route = getRouteApi('/app/recipes/$name');

/** What one recipe watches, what comes next, and how it has gone over time. */
export function RecipePage() {
  const { name } = route.useParams();
  const shell = useShell();
  const query = useQuery(queries.recipe(name));
  return (
    <Page
      title={name}
      lead={query.data?.description}
      actions={
        <>
          {query.data?.upstream && (
            <ActionButton
              leftSection={<IconRefresh size={15} />}
              failure={`${name} could not be polled`}
              run={async () => {
                await actions.pollRecipe(name);
                tell(`Looking at the upstream of ${name}`);
              }}
            >
              Poll now
            </ActionButton>
          )}
          <Button leftSection={<IconPlayerPlay size={15} />} onClick={() => shell.openRunDialog(name)}>
            Run…
          </Button>
        </>
      }
    >
      <Loaded query={query} what="The recipe" skeleton={<SkeletonRows rows={12} />}>
        {(recipe) => <Content recipe={recipe} />}
      </Loaded>
    </Page>
  );
}

function Content({ recipe }: { recipe: RecipeDetail }) {
  const list = useRef<HTMLDivElement>(null);
  useListKeys(list);
  return (
    <>
      <div className={css.top}>
        <Section title="Watches">
          <div className={css.facts}>
            <Facts>
              <Fact name="Upstream">{recipe.upstream ? <span className="mono">{recipe.upstream}</span> : 'none'}</Fact>
              {recipe.tags && (
                <Fact name="Tags">
                  <span className="mono">{recipe.tags}</span>
                </Fact>
              )}
              <Fact name="Started by">{recipe.triggers.join(', ')}</Fact>
              <Fact name="Last look">
                <PollNote recipe={recipe} />
              </Fact>
              <Fact name="Upstream has">
                <span className="mono">{recipe.newestVersion ?? '–'}</span>
              </Fact>
              <Fact name="Published">
                {recipe.publishedVersion ? (
                  <Link to="/packages" search={{ q: recipe.name }} className="mono">
                    {recipe.publishedVersion}
                  </Link>
                ) : (
                  'nothing yet'
                )}
              </Fact>
              {recipe.backoff.map(({ version, failures, nextRetry }) => (
                <Fact key={version} name="Fails">
                  <span className="mono">{version}</span>, {plural(failures, 'time')} in a row,{' '}
                  {nextRetry ? (
                    <>
                      tried again <Again at={nextRetry} />
                    </>
                  ) : (
                    'not tried again by itself'
                  )}
                </Fact>
              ))}
            </Facts>
          </div>
        </Section>
        <Plan compiled={recipe.compiled} />
      </div>
      <div ref={list}>
        <Section
          title="Runs"
          aside={
            <Link to="/runs" search={{ recipe: recipe.name }}>
              All its runs
            </Link>
          }
        >
          {recipe.runs.length === 0 ? (
            <Empty title="It has not run yet">Its first run begins with the next matching tag, or with “Run…”.</Empty>
          ) : (
            <>
              <History runs={recipe.runs} />
              <RunLines runs={recipe.runs} hideRecipe />
            </>
          )}
        </Section>
      </div>
      {recipe.upstream && <Tags tags={recipe.tagList} />}
    </>
  );
}
