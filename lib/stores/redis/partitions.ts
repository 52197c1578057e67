import slotOf from 'cluster-key-slot';

const SLOTS = 16_384;

/**
 * Puts buckets into a few slots of a Cluster, evenly spread over all: a bucket comes to the slot that stands for the part in
 * which its own lies. All buckets of a key have one slot, so they stay together.
 */
export class Partitions {
  private readonly tags: readonly string[];

  constructor(private readonly count: number) {
    this.tags = tagsFor(count);
  }

  /** The hash tag that goes before the name of a bucket. */
  tagOf(bucket: string): string {
    return this.tags[partOf(slotOf(bucket), this.count)] as string;
  }
}

const partOf = (slot: number, count: number): number => Math.floor((slot * count) / SLOTS);

/** Of each part, the smallest number whose slot lies in it. */
function tagsFor(count: number): string[] {
  const tags: string[] = [];
  let missing = count;
  for (let number = 0; missing > 0; number++) {
    const part = partOf(slotOf(String(number)), count);
    if (tags[part] !== undefined) continue;
    tags[part] = `{${number}}`;
    missing--;
  }
  return tags;
}
