/**
 * Gives the memory of a buffer back at once. For large ones that are made in a row and read by nobody else: left to the garbage
 * collector, some 70 MB of them are there before it begins. The buffer has no bytes afterwards.
 */
export function free(buffer: Uint8Array): void {
  const memory = buffer.buffer;
  // Small buffers share their memory with others.
  if (memory instanceof ArrayBuffer && memory.byteLength > Buffer.poolSize) memory.transfer(0);
}
