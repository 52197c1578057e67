// Simulated processes, machines and networks; the client and the rules of the records are real. docs/leases.md has the proof.
import { describe, expect, it } from '@jest/globals';
import { effort } from '../../support/effort.js';
import { MUTATIONS, type Mutation } from '../../support/leases/mutations.js';
import { tell } from '../../support/leases/stories.js';
import { World } from '../../support/leases/world.js';

const SECOND = 1_000_000;

it('never admits more than capacity + rate × window, whatever crashes, sleeps, is lost, late or repeated', async () => {
  const happened: Record<string, number> = {};
  const wrong: string[] = [];
  for (let seed = 1; seed <= effort(1000, 4000); seed++) {
    const world = new World(seed, 'none');
    await world.run(SECOND);
    const { excess, ...figures } = world.figures;
    if (excess > 0) wrong.push(`seed ${seed}: ${excess} tokens too many`);
    for (const [name, count] of Object.entries({ ...figures, ...world.chaos }))
      happened[name] = (happened[name] ?? 0) + count;
  }
  expect(wrong).toEqual([]);
  expect(Object.entries(happened).filter(([, count]) => count < 300)).toEqual([]);
}, 600_000);

describe.each(MUTATIONS.slice(1) as Exclude<Mutation, 'none'>[])('%s', (story) => {
  const tellAll = (mutation: Mutation) =>
    Promise.all(Array.from({ length: 20 }, (_, seed) => tell(story, seed, mutation)));

  it('is what the story is about: it would admit too much', async () => {
    const told = await tellAll(story);
    expect(told.filter(({ excess }) => excess > 0).length).toBeGreaterThan(10);
  });

  it('is not what is built: in the same story nothing is admitted too much', async () => {
    const told = await tellAll('none');
    expect(told.filter(({ excess }) => excess > 0)).toEqual([]);
    expect(told.filter(({ ahead }) => ahead === 0)).toEqual([]);
  });
});
