// `npm run bench`: installs and builds what is missing, then runs the benches; arguments after `--` name some of them.
import { join } from 'node:path';
import { become, ensureDashboard, ensurePackages, ROOT } from './ground.mjs';

ensurePackages();
ensureDashboard();
process.exitCode = await become([join(ROOT, 'bench', 'all.ts'), ...process.argv.slice(2)]);
