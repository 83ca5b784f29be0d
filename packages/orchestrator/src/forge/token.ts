import { readFile } from 'node:fs/promises';

/**
 * The token in a file, without the white space that editors put around it. Read at each use, so that a new one holds at
 * once. Throws an Error that names the file, never its content.
 */
export async function readToken(file: string): Promise<string> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(`the token can't be read: ${error instanceof Error ? error.message : file}`);
  }
  const token = content.trim();
  if (token === '') throw new Error(`the token file is empty: ${file}`);
  // What is no header value would be quoted in an error of fetch.
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Error(`the token file has more than one word in it: ${file}`);
  return token;
}
