import { Link } from '@tanstack/react-router';
import { Empty } from '../parts/notices.tsx';
import { Page } from '../parts/page.tsx';

/** There is no such page. */
export function NotFound() {
  return (
    <Page title="There is no such page">
      <Empty title="The address leads nowhere" action={<Link to="/">Go to the overview</Link>}>
        Perhaps a part of it was lost on the way. Ctrl K finds pages, recipes and runs.
      </Empty>
    </Page>
  );
}
