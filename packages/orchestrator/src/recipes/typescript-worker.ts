import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { parentPort } from 'node:worker_threads';

/**
 * Runs recipe files in TypeScript and hands over what they export. A thread of its own: each load sees the files as they
 * are now, whatever they import, and one that never ends can be ended.
 */

/** What a recipe may import, wherever its folder is. */
const DEFINE_RECIPE = new URL('./define-recipe.ts', import.meta.url).href;
const NAMES = new Set(['@kiln/recipe', '@kiln/protocol/recipe.ts']);

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (NAMES.has(specifier)) return { url: DEFINE_RECIPE, format: 'module-typescript', shortCircuit: true };
    const resolved = nextResolve(specifier, context);
    // The folder of the recipes needs no package.json to say that its files are modules.
    const isTypeScript = resolved.url.startsWith('file:') && resolved.url.endsWith('.ts');
    return isTypeScript ? { ...resolved, format: 'module-typescript' } : resolved;
  },
});

parentPort?.on('message', (file: string) => void answer(file));
parentPort?.postMessage({ value: 'ready' });

async function answer(file: string): Promise<void> {
  const url = pathToFileURL(file).href;
  try {
    const module: { default?: unknown } = await import(url);
    if (module.default === undefined) {
      parentPort?.postMessage({ message: 'the file has no default export', line: null });
      return;
    }
    parentPort?.postMessage({ value: plain(module.default) });
  } catch (error) {
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    parentPort?.postMessage({ message: message.split('\n')[0], line: lineIn(url, error) });
  }
}

/** The value without undefined keys; what is no data (functions, symbols) becomes text, which the schema then refuses. */
function plain(value: unknown, above: readonly unknown[] = []): unknown {
  if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (above.includes(value)) throw new TypeError('the recipe contains itself');
  const inside = [...above, value];
  if (Array.isArray(value)) return value.map((item) => plain(item, inside));
  const kept = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(kept.map(([key, inner]) => [key, plain(inner, inside)]));
}

function lineIn(url: string, error: unknown): number | null {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const at = stack.indexOf(`${url}:`);
  const line = at < 0 ? Number.NaN : Number.parseInt(stack.slice(at + url.length + 1), 10);
  return Number.isNaN(line) ? null : line;
}
