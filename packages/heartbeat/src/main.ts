import { heartbeat } from './heartbeat.ts';

// Run by itself it needs nothing but Node.js: on a machine with many units and little else, this folder is enough.
process.exitCode = await heartbeat(process.argv.slice(2), process.env);
