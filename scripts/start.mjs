// `npm start`: installs and builds what is missing, then runs `kiln up` with the arguments after `--`.
import { join } from 'node:path';
import { become, ensureDashboard, ensurePackages, ROOT } from './ground.mjs';

ensurePackages();
ensureDashboard();
process.exitCode = await become([join(ROOT, 'packages', 'cli', 'bin', 'kiln.mjs'), 'up', ...process.argv.slice(2)]);
