import { type AppOptions, bootApp } from './app.js';
import { expectMistake, type Mistake } from './mistake.js';

/** Boots an application that must not boot. The options are made in here: some decorators refuse at once. */
export async function expectBootError(options: () => AppOptions, mistake: Mistake): Promise<void> {
  await expectMistake(() => bootApp(options()), mistake);
}
