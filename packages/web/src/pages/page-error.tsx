import type { ErrorComponentProps } from '@tanstack/react-router';
import { Problem } from '../parts/notices.tsx';
import { Page } from '../parts/page.tsx';

/** The page itself failed: says so in place of a blank one. After an update of the farm, a reload gets the new pages. */
export function PageError({ error }: ErrorComponentProps) {
  return (
    <Page title="This page failed">
      <Problem
        title="This page could not be shown"
        error={error instanceof Error ? error : new Error(String(error))}
        retry={() => location.reload()}
      />
    </Page>
  );
}
