import type { QueryClient } from '@tanstack/react-query';
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from '@tanstack/react-router';
import { basePath } from './api/base.ts';
import { queries } from './api/queries.ts';
import { hostQueries } from './pages/hosts/queries.ts';
import { NotFound } from './pages/not-found.tsx';
import { PageError } from './pages/page-error.tsx';
import { parseRunSearch } from './pages/run/select.ts';
import { parseRunFilters } from './pages/runs/search.ts';
import { Shell } from './shell/shell.tsx';

/** Text parameters of the address that a page knows. */
function texts<Key extends string>(...keys: Key[]) {
  return (search: Record<string, unknown>): { [K in Key]?: string } => {
    const found: { [K in Key]?: string } = {};
    for (const key of keys) {
      const value = search[key];
      if (typeof value === 'string' && value !== '') found[key] = value;
    }
    return found;
  };
}

/** The pages by their addresses. Each page is a chunk of its own; its data is asked for while the chunk is on its way. */
export function createPages(client: QueryClient) {
  const root = createRootRoute({ component: Outlet });
  const app = createRoute({ getParentRoute: () => root, id: 'app', component: Shell });
  const getParentRoute = () => app;
  const routes = [
    createRoute({
      getParentRoute,
      path: '/',
      loader: () => void client.prefetchQuery(queries.overview),
      component: lazyRouteComponent(() => import('./pages/overview/overview-page.tsx'), 'OverviewPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/runs',
      validateSearch: parseRunFilters,
      loaderDeps: ({ search }) => search,
      loader: ({ deps }) => void client.prefetchInfiniteQuery(queries.runs(deps)),
      component: lazyRouteComponent(() => import('./pages/runs/runs-page.tsx'), 'RunsPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/runs/$runId',
      validateSearch: parseRunSearch,
      loader: ({ params }) => void client.prefetchQuery(queries.run(params.runId)),
      component: lazyRouteComponent(() => import('./pages/run/run-page.tsx'), 'RunPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/recipes',
      validateSearch: texts('q'),
      loader: () => void client.prefetchQuery(queries.recipes),
      component: lazyRouteComponent(() => import('./pages/recipes/recipes-page.tsx'), 'RecipesPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/recipes/$name',
      loader: ({ params }) => void client.prefetchQuery(queries.recipe(params.name)),
      component: lazyRouteComponent(() => import('./pages/recipe/recipe-page.tsx'), 'RecipePage'),
    }),
    createRoute({
      getParentRoute,
      path: '/packages',
      validateSearch: texts('q', 'open'),
      loader: () => void client.prefetchInfiniteQuery(queries.packages),
      component: lazyRouteComponent(() => import('./pages/packages/packages-page.tsx'), 'PackagesPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/fleet',
      loader: () => void client.prefetchQuery(queries.agents),
      component: lazyRouteComponent(() => import('./pages/fleet/fleet-page.tsx'), 'FleetPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/hosts',
      validateSearch: texts('q'),
      loader: () => void client.prefetchQuery(hostQueries.all),
      component: lazyRouteComponent(() => import('./pages/hosts/hosts-page.tsx'), 'HostsPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/hosts/$host',
      validateSearch: texts('q', 'only'),
      loader: ({ params }) => void client.prefetchQuery(hostQueries.one(params.host)),
      component: lazyRouteComponent(() => import('./pages/hosts/host-page.tsx'), 'HostPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/hosts/$host/units/$unit',
      validateSearch: texts('range'),
      loader: ({ params }) => void client.prefetchQuery(hostQueries.unit(params.host, params.unit)),
      component: lazyRouteComponent(() => import('./pages/hosts/unit-page.tsx'), 'UnitPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/operations',
      loader: () => void client.prefetchQuery(queries.deadLetters),
      component: lazyRouteComponent(() => import('./pages/operations/operations-page.tsx'), 'OperationsPage'),
    }),
    createRoute({
      getParentRoute,
      path: '/trace',
      validateSearch: texts('id'),
      component: lazyRouteComponent(() => import('./pages/trace/trace-page.tsx'), 'TracePage'),
    }),
    createRoute({ getParentRoute, path: '$', component: NotFound }),
  ] as const;
  const signIn = createRoute({
    getParentRoute: () => root,
    path: '/sign-in',
    validateSearch: texts('next'),
    component: lazyRouteComponent(() => import('./pages/sign-in/sign-in-page.tsx'), 'SignInPage'),
  });
  return createRouter({
    routeTree: root.addChildren([app.addChildren(routes), signIn]),
    basepath: basePath,
    defaultPreload: 'intent',
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: PageError,
    // A log scrolls itself to what its address says, also when one goes back.
    scrollRestoration: ({ location }) => !/\/runs\/[^/]+$/.test(location.pathname),
    // Addresses are for people: `?version=1.27`, not `?version=%221.27%22`.
    parseSearch: (search) => Object.fromEntries(new URLSearchParams(search)),
    stringifySearch: (search) => {
      const query = new URLSearchParams();
      for (const [key, value] of Object.entries(search)) if (value !== undefined) query.set(key, String(value));
      const text = query.toString();
      return text === '' ? '' : `?${text}`;
    },
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createPages>;
  }
}
