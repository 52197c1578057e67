// `npm run test:chaos [-- --short] [-- NAME…]`: real servers are stopped, killed, failed over, resharded and cut off, while
// processes take from known buckets; what they were told is judged afterwards. CHAOS_SEED repeats a run; CHAOS_TIMES says how
// often a failover, and whatever else can be repeated, is.
import { runCompiled, seed } from './chaos-process.mjs';

const words = process.argv.slice(2);

await runCompiled('test/chaos/main.js', ({ runChaos }) =>
  runChaos({
    isShort: words.includes('--short'),
    seed,
    times: Number(process.env.CHAOS_TIMES ?? 20),
    names: words.filter((word) => !word.startsWith('--')),
  }),
);
