/** What a heap keeps: ordered by time, and told where it stands, so that it can leave from the middle. */
export interface HeapItem {
  /** When it leaves. */
  readonly startAt: number;
  /** Set by the heap: where it stands, -1 once it no longer does. */
  index: number;
  /** Set by the heap: the how manieth it was. */
  arrival: number;
}

/** A binary heap, the earliest first. Items of one time leave in the order in which they came. */
export class WaiterHeap<T extends HeapItem> {
  private readonly items: T[] = [];
  private arrivals = 0;

  get size(): number {
    return this.items.length;
  }

  get first(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    item.arrival = this.arrivals++;
    this.put(item, this.items.length);
    this.rise(item.index);
  }

  /** Answers whether it was there. */
  remove(item: T): boolean {
    const { index } = item;
    if (this.items[index] !== item) return false;
    item.index = -1;
    const last = this.items.pop() as T;
    if (last === item) return true;
    this.put(last, index);
    this.rise(index);
    this.sink(last.index);
    return true;
  }

  /** Those of whom it is so, the first to leave first. */
  filter(isWanted: (item: T) => boolean): T[] {
    return this.items.filter(isWanted).sort((a, b) => a.startAt - b.startAt || a.arrival - b.arrival);
  }

  private rise(from: number): void {
    for (let child = from; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!this.isBefore(child, parent)) return;
      this.swap(child, parent);
      child = parent;
    }
  }

  private sink(from: number): void {
    for (let parent = from; ; ) {
      const [left, right] = [2 * parent + 1, 2 * parent + 2];
      if (left >= this.items.length) return;
      const child = right < this.items.length && this.isBefore(right, left) ? right : left;
      if (!this.isBefore(child, parent)) return;
      this.swap(child, parent);
      parent = child;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const [first, second] = [this.items[a] as T, this.items[b] as T];
    return (
      first.startAt < second.startAt || (first.startAt === second.startAt && first.arrival < second.arrival)
    );
  }

  private swap(a: number, b: number): void {
    const item = this.items[a] as T;
    this.put(this.items[b] as T, a);
    this.put(item, b);
  }

  private put(item: T, index: number): void {
    this.items[index] = item;
    item.index = index;
  }
}
