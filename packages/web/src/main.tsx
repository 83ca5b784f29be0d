import '@fontsource-variable/inter/index.css';
import '@fontsource-variable/jetbrains-mono/index.css';
import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './theme/tokens.css';
import './theme/global.css';
import { MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { basePath, liveUrl } from './api/base.ts';
import { ApiFailure } from './api/request.ts';
import { LiveConnection } from './live/connection.ts';
import { Freshness } from './live/freshness.ts';
import { LiveProvider } from './live/live.tsx';
import { createPages } from './router.tsx';
import { resolver, theme } from './theme/theme.ts';

/** Every answer is looked at again after this while, should a hint get lost. */
const FALLBACK_MS = 30_000;

const client = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      if (!(error instanceof ApiFailure)) return;
      if (error.status === 401) signInAgain();
      if (error.status === 0) live.suspect();
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 2000,
      refetchInterval: FALLBACK_MS,
      retry: (failures, error) =>
        failures < 2 && error instanceof ApiFailure && (error.status === 0 || error.status > 500),
    },
  },
});
const router = createPages(client);
const freshness = new Freshness(client);
const live = new LiveConnection(liveUrl(), {
  onChanged: (topic, id) => freshness.changed(topic, id),
  onReopened: () => freshness.everything(),
  onUnauthorized: signInAgain,
});

/** The session ended: asks for a token, and comes back to where one was. */
function signInAgain(): void {
  const { pathname, href } = router.state.location;
  if (pathname === '/sign-in') return;
  void router.navigate({ to: '/sign-in', search: href === '/' ? {} : { next: href.replace(basePath, '/') } });
}

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element with the id "root"');
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} cssVariablesResolver={resolver} defaultColorScheme="auto">
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" limit={4} />
        <LiveProvider connection={live}>
          <RouterProvider router={router} />
        </LiveProvider>
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
