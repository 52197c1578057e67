import { leakyBucketAlgorithm } from './leaky-bucket.js';
import type { Algorithm, Limit } from './limit.js';
import { tokenBucketAlgorithm } from './token-bucket.js';

/** The algorithm by its name. */
export const algorithms: Readonly<Record<Limit['algorithm'], Algorithm>> = {
  'token-bucket': tokenBucketAlgorithm,
  'leaky-bucket': leakyBucketAlgorithm,
};
