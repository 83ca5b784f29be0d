import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

/** The platform writes `<base href>` into the page it serves; while developing, this does. */
const base: Plugin = {
  name: 'kiln-base',
  apply: 'serve',
  transformIndexHtml: () => [{ tag: 'base', attrs: { href: '/' }, injectTo: 'head-prepend' }],
};

/** Where `vite` finds the API while developing: a farm, or `npm run fixture`. */
const farm = process.env.KILN_URL ?? 'http://127.0.0.1:10199';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  plugins: [react(), base],
  build: { target: 'es2022', assetsInlineLimit: 0, sourcemap: false, chunkSizeWarningLimit: 600 },
  worker: { format: 'es' },
  server: { port: 10198, proxy: { '/api': { target: farm, ws: true } } },
});
