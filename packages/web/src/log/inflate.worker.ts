import { decompress } from 'fzstd';

/** Unpacks zstd frames off the main thread: `{id, compressed}` in, `{id, text}` or `{id, error}` out. */
const utf8 = new TextDecoder();

self.onmessage = ({ data }: MessageEvent<{ id: number; compressed: Uint8Array }>) => {
  try {
    self.postMessage({ id: data.id, text: utf8.decode(decompress(data.compressed)) });
  } catch (error) {
    self.postMessage({ id: data.id, error: error instanceof Error ? error.message : String(error) });
  }
};
