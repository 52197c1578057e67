// `npm run test:soak`: ten minutes (SOAK_MINUTES) of load with a fault every ten seconds. CHAOS_SEED repeats a run.
import { runCompiled, seed } from './chaos-process.mjs';

await runCompiled('test/chaos/soak.js', ({ runSoak }) =>
  runSoak({ seed, minutes: Number(process.env.SOAK_MINUTES ?? 10) }),
);
