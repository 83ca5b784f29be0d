import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { act } from './act.ts';
import { startFixture } from './server.ts';

/**
 * `npm run fixture -- [--empty] [--auth] [--base /kiln] [--port 10199] [--still]`: the built dashboard over an acted farm. With `npm
 * run dev` beside it, the pages reload as they are edited.
 */
const { values } = parseArgs({
  options: {
    empty: { type: 'boolean' },
    auth: { type: 'boolean' },
    still: { type: 'boolean' },
    base: { type: 'string' },
    port: { type: 'string', default: '10199' },
  },
});

const fixture = await startFixture({
  dist: join(import.meta.dirname, '../dist'),
  kind: values.empty ? 'empty' : 'full',
  auth: values.auth === true,
  port: Number(values.port),
  ...(values.base ? { basePath: values.base } : {}),
});
if (!values.still) act(fixture.farm);
process.stderr.write(`${fixture.url}\n`);
