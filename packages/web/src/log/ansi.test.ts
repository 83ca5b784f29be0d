import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAnsi, plainText } from './ansi.ts';

const E = '\x1b';

describe('a line of the log, as a terminal would show it', () => {
  it('leaves plain text as it is, markup included', () => {
    expect(parseAnsi('<img src=x onerror=alert(1)> & co')).toEqual([
      { text: '<img src=x onerror=alert(1)> & co', style: null },
    ]);
    expect(parseAnsi('')).toEqual([]);
  });

  it('knows the sixteen colours and the attributes, and resets them', () => {
    expect(parseAnsi(`${E}[1;31merror${E}[0m: ${E}[92mok${E}[39m.`)).toEqual([
      { text: 'error', style: { bold: true, color: 1 } },
      { text: ': ', style: null },
      { text: 'ok', style: { color: 10 } },
      { text: '.', style: null },
    ]);
  });

  it.each([
    [`${E}[38;5;9mx`, { color: 9 }],
    [`${E}[38;5;196mx`, { color: 'rgb(255 0 0)' }],
    [`${E}[48;5;244mx`, { background: 'rgb(128 128 128)' }],
    [`${E}[38;2;1;2;3mx`, { color: 'rgb(1 2 3)' }],
    [`${E}[38:2::1:2:3mx`, { color: 'rgb(1 2 3)' }],
    [`${E}[38;2;999;-1;3mx`, null],
    [`${E}[4:3mx`, { underline: true }],
    [`${E}[7;3mx`, { inverse: true, italic: true }],
  ])('reads %j', (line, style) => {
    if (style) expect(parseAnsi(line)).toEqual([{ text: 'x', style }]);
    else expect(plainText(line)).toContain('x');
  });

  it('shows what is left after carriage returns, backspaces and erasing', () => {
    expect(plainText('  10%\r  50%\r 100%')).toBe(' 100%');
    expect(plainText('downloading 12345\rdone')).toBe('doneloading 12345');
    expect(plainText(`downloading 12345\r${E}[Kdone`)).toBe('done');
    expect(plainText('abc\b\bX')).toBe('aXc');
    expect(plainText(`abc${E}[2Kd`)).toBe('   d');
    expect(plainText(`a${E}[5Gb`)).toBe('a   b');
    expect(plainText('dos line\r')).toBe('dos line');
  });

  it('inserts, deletes and blanks characters, and goes by columns', () => {
    expect(plainText(`abcdef\r${E}[2Pxy`)).toBe('xyef');
    expect(plainText(`abc\r${E}[2@>`)).toBe('> abc');
    expect(plainText(`abcdef\r${E}[3X`)).toBe('   def');
    expect(plainText(`50%${E}[3Ddone`)).toBe('done');
    expect(plainText(`gone${E}[1Gnew${E}[J`)).toBe('new');
    expect(plainText('a\tb\rX')).toBe('X       b');
    expect(plainText('日本x\r12')).toBe('12本x');
    expect(plainText('e\u0301tude\rE')).toBe('Etude');
  });

  it('makes a link of OSC 8 to a site, and text of any other', () => {
    const link = (address: string) => `see ${E}]8;id=1;${address}${E}\\${E}[1mthis${E}[0m${E}]8;;${E}\\.`;
    expect(parseAnsi(link('https://example.com/a?b=c'))).toEqual([
      { text: 'see ', style: null },
      { text: 'this', style: { bold: true }, href: 'https://example.com/a?b=c' },
      { text: '.', style: null },
    ]);
    for (const address of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', '//evil', 'https://', '']) {
      expect(parseAnsi(link(address)).every(({ href }) => href === undefined)).toBe(true);
    }
  });

  it('drops links, titles and sequences that it does not know', () => {
    expect(plainText(`${E}]0;title\x07a${E}]8;;http://x${E}\\link${E}]8;;${E}\\${E}[?25lb${E}(B`)).toBe('alinkb');
  });

  it('never throws, and never shows a control character', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom(E, `${E}[`, `${E}[38;5`, 'm', ';', '\r', '\b', `${E}]8;;`, `${E}[K`, `${E}[99999C`, '\t'),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there
        expect(plainText(pieces.join(''))).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f]/);
      }),
    );
  });
});
