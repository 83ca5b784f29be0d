import { decompress } from 'fzstd';

/** Frames up to this size are unpacked where they are needed: quicker than the way to the worker and back. */
const SMALL_BYTES = 8 * 1024;

type Answer = { id: number; text: string } | { id: number; error: string };

const utf8 = new TextDecoder();
const waiting = new Map<number, (answer: Answer) => void>();
let worker: Worker | null = null;
let nextId = 1;

function theWorker(): Worker {
  if (worker) return worker;
  worker = new Worker(new URL('./inflate.worker.ts', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }: MessageEvent<Answer>) => {
    waiting.get(data.id)?.(data);
    waiting.delete(data.id);
  };
  worker.onerror = () => {
    for (const [id, answer] of waiting) answer({ id, error: 'the worker that unpacks logs cannot run' });
    waiting.clear();
  };
  return worker;
}

/** The text of one zstd frame: at once when it is small, else from a worker. Throws, or rejects, on broken bytes. */
export function inflate(compressed: Uint8Array): string | Promise<string> {
  if (compressed.length <= SMALL_BYTES) return utf8.decode(decompress(compressed));
  const id = nextId++;
  return new Promise((resolve, reject) => {
    waiting.set(id, (answer) => ('text' in answer ? resolve(answer.text) : reject(new Error(answer.error))));
    theWorker().postMessage({ id, compressed });
  });
}
