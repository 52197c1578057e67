interface Start {
  readonly slot: number;
  readonly startAt: number;
}

/** Lines that are remembered; the one that was joined first is forgotten beyond that. */
const MOST = 1000;

/**
 * Keeps the starts of a line in the order of its slots. What a reply tells of the store's clock is right to within some
 * microseconds only: two who share a slot, or nearly, would start in the wrong order.
 */
export class SlotOrder {
  /** The slot of each line that was given last, and when it starts here. */
  private readonly last = new Map<string, Start>();

  /** When a slot starts, in milliseconds of `performance.now()`: not before an earlier one of the line. */
  startOf(line: string | undefined, { slot, startAt }: Start): number {
    if (line === undefined) return startAt;
    const last = this.last.get(line);
    const inOrder = last === undefined || slot < last.slot ? startAt : this.behind(last, slot, startAt);
    this.last.delete(line);
    this.last.set(line, { slot, startAt: inOrder });
    if (this.last.size > MOST) this.last.delete(this.last.keys().next().value as string);
    return inOrder;
  }

  private behind(last: Start, slot: number, startAt: number): number {
    return slot === last.slot ? last.startAt : Math.max(startAt, last.startAt);
  }
}
