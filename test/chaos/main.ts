// Runs scenarios one after another, prints what each has come to, and answers whether all was as it must be.
import { clockSteps } from './scenarios/clock.js';
import { clusterFailover, resharding } from './scenarios/cluster.js';
import { deadConnections, network } from './scenarios/network.js';
import type { Scenario, ScenarioOptions } from './scenarios/scenario.js';
import { sentinel } from './scenarios/sentinel.js';
import { standalone } from './scenarios/standalone.js';
import { verdictOf } from './verdict.js';

const scenarios: readonly Scenario[] = [
  standalone,
  network,
  deadConnections,
  sentinel,
  clusterFailover,
  resharding,
  clockSteps,
];
/** Of one kind of violation there may be thousands. */
const MOST_PROBLEMS = 20;

export interface ChaosOptions extends ScenarioOptions {
  /** By default all. */
  readonly names: readonly string[];
}

export async function runChaos({ names, ...options }: ChaosOptions): Promise<boolean> {
  const known = scenarios.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new Error(`No such scenario: ${unknown.join(', ')}. There are: ${known.join(', ')}.`);
  const chosen = scenarios.filter(({ name, inShort }) =>
    names.length > 0 ? names.includes(name) : inShort || !options.isShort,
  );
  let failed = 0;
  for (const scenario of chosen) {
    const passed = await runOne(scenario, options).catch((error) => {
      console.error(error);
      return false;
    });
    if (!passed) failed++;
  }
  const counts = [
    failed > 0 && `${failed} failed`,
    `${chosen.length - failed} passed`,
    `${chosen.length} total`,
  ];
  console.log(`\nTests: ${counts.filter(Boolean).join(', ')}`);
  return failed === 0;
}

async function runOne(scenario: Scenario, options: ScenarioOptions): Promise<boolean> {
  const start = performance.now();
  console.log(`\n${scenario.name} (seed ${options.seed})`);
  const { text, problems } = verdictOf(await scenario.run(options));
  console.log(text);
  for (const problem of problems.slice(0, MOST_PROBLEMS)) console.log(`  ${problem}`);
  if (problems.length > MOST_PROBLEMS) console.log(`  and ${problems.length - MOST_PROBLEMS} more`);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`${scenario.name}: ${problems.length === 0 ? 'ok' : 'FAILED'} in ${seconds} s`);
  return problems.length === 0;
}
