import { describe, expect, it } from '@jest/globals';
import { digits, withSpread } from '../../../bench/lib/cells.mjs';
import { barChart } from '../../../bench/lib/svg.mjs';
import { markdownTable, plainTable } from '../../../bench/lib/table.mjs';

const table = {
  title: 'Speed',
  head: ['', 'µs'],
  rows: [
    ['ours', '1.50'],
    ['a | b', '12.0'],
  ],
};

describe('how results are written', () => {
  it.each([
    [0.12345, '0.12'],
    [12.345, '12.3'],
    [123.45, '123'],
    [1234567, '1,234,567'],
    [Number.NaN, 'NaN'],
  ])('%d as %s', (value, text) => {
    expect(digits(value)).toBe(text);
  });

  it('a median with its quartiles', () => {
    expect(withSpread([1, 2, 3, 4, 5])).toBe('3.00 (2.00–4.00)');
  });

  it('a table for a terminal', () => {
    expect(plainTable(table).split('\n')).toEqual([
      'Speed',
      '         µs',
      '-----  ----',
      'ours   1.50',
      'a | b  12.0',
    ]);
  });

  it('a table in Markdown, whose cells stay cells', () => {
    const lines = ['|  | µs |', '| --- | ---: |', '| ours | 1.50 |', '| a \\| b | 12.0 |'];
    expect(markdownTable(table)).toBe(lines.join('\n'));
  });
});

describe('the chart', () => {
  const bar = (value: number, goal: number) => ({ label: 'a < b & "c"', value, goal, met: value <= goal });
  const widths = (svg: string) =>
    [...svg.matchAll(/<rect x="390" y="\d+" width="([\d.]+)"/g)].map(([, w]) => Number(w));

  it('has a bar for each value, on a logarithmic scale', () => {
    const [small, middle, large] = widths(
      barChart({ title: 't', subtitle: 's', bars: [bar(0.1, 1), bar(1, 1), bar(10, 1)] }),
    );
    expect(small).toBe(0);
    expect(middle! * 2).toBeCloseTo(large!, 0);
    expect(large).toBeGreaterThan(300);
  });

  it('escapes what labels say', () => {
    const svg = barChart({ title: 't', subtitle: 's', bars: [bar(1, 2)] });
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).not.toContain('a < b');
  });

  it('shows whether a goal is met', () => {
    const colorOf = (value: number, goal: number) =>
      /width="[\d.]+" height="18" fill="(#\w+)"/.exec(
        barChart({ title: '', subtitle: '', bars: [bar(value, goal)] }),
      )?.[1];
    expect(colorOf(1, 2)).not.toBe(colorOf(2, 1));
  });
});
