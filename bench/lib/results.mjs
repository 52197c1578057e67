// RESULTS.md and its chart.
import { writeFileSync } from 'node:fs';
import { GOALS, isMet } from '../goals.mjs';
import { NOTES } from '../notes.mjs';
import { goalsTable } from './goals-table.mjs';
import { barChart } from './svg.mjs';
import { markdownTable } from './table.mjs';

const here = (name) => new URL(`../${name}`, import.meta.url);

/**
 * @param {{ outcomes: Map<string, Outcome>, machine: [string, string][], effort: { turns: number, ms: number },
 *   minutes: number, date: string }} run
 */
export function writeResults(run) {
  const figures = Object.assign({}, ...[...run.outcomes.values()].map((outcome) => outcome.figures));
  writeFileSync(here('results.svg'), chartOf(figures));
  writeFileSync(here('RESULTS.md'), `${pageOf(run, figures)}\n`);
}

/** @param {Record<string, { median: number }>} figures by the name of their goal */
export function chartOf(figures) {
  const bars = Object.entries(GOALS)
    .filter(([name, { chart }]) => chart && name in figures)
    .map(([name, goal]) => {
      const value = figures[name].median;
      return { label: goal.chart, value, goal: goal.most, met: isMet(goal, value) };
    });
  const title = 'Ours beside the others: CPU, latency or memory of ours ÷ theirs';
  return barChart({ title, subtitle: 'Less is better; the black line is the goal.', bars });
}

function pageOf({ outcomes, machine, effort, minutes, date }, figures) {
  const { turns, ms } = effort;
  const missed = Object.keys(figures).filter(
    (name) => name in GOALS && !isMet(GOALS[name], figures[name].median),
  );
  const all = Object.keys(GOALS).filter((name) => name in figures).length;
  return [
    '# Results',
    `Written by \`npm run bench\` on ${date}, in one run of ${minutes} minutes; [how it is measured](README.md). ${turns} turns of about ${ms} ms for each subject. ` +
      `${all - missed.length} of ${all} goals are met.`,
    '![Ours beside the others](results.svg)',
    '## Goals',
    'Medians, ratios taken turn by turn. Rows in which a peer wins are in the tables below.',
    markdownTable(goalsTable([...outcomes.values()])),
    ...(missed.length === 0 ? [] : ['### What limits those that are missed', ...notesOf(missed)]),
    '## Tables',
    'CPU is user and system time of the client’s process and of its Redis server, in microseconds for each call. In brackets: quartiles.',
    ...[...outcomes.values()].flatMap(({ tables, remarks = [] }) => [
      ...tables.flatMap((table) => [`### ${table.title}`, markdownTable(table)]),
      ...remarks,
    ]),
    '## The machine',
    markdownTable({ head: ['', ''], rows: machine }),
  ].join('\n\n');
}

/** @param {readonly string[]} missed @returns what is said of them, once of those of which the same is said */
export function notesOf(missed) {
  const byNote = new Map();
  for (const name of missed) byNote.set(noteOn(name), [...(byNote.get(noteOn(name)) ?? []), name]);
  return [...byNote].map(
    ([note, names]) => `- **${names.map((name) => GOALS[name].what).join('**; **')}**: ${note}`,
  );
}

const noteOn = (name) => NOTES[name] ?? 'not explained yet.';
