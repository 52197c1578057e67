/** What a heap keeps: ordered by time, and told where it stands, so that it can leave from the middle. */
export interface HeapItem {
  readonly until: number;
  index: number;
}

/** A binary heap, the earliest first. Items of one time leave in the order in which they came. */
export class WaiterHeap<T extends HeapItem> {
  private readonly items: T[] = [];
  private readonly orders: number[] = [];
  private arrivals = 0;

  get size(): number {
    return this.items.length;
  }

  get first(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    this.put(item, this.arrivals++, this.items.length);
    this.rise(item.index);
  }

  /** Answers whether it was there. */
  remove(item: T): boolean {
    const { index } = item;
    if (this.items[index] !== item) return false;
    item.index = -1;
    const [last, order] = [this.items.pop() as T, this.orders.pop() as number];
    if (last === item) return true;
    this.put(last, order, index);
    this.rise(index);
    this.sink(last.index);
    return true;
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
    const [first, second] = [(this.items[a] as T).until, (this.items[b] as T).until];
    return first < second || (first === second && (this.orders[a] as number) < (this.orders[b] as number));
  }

  private swap(a: number, b: number): void {
    const [item, order] = [this.items[a] as T, this.orders[a] as number];
    this.put(this.items[b] as T, this.orders[b] as number, a);
    this.put(item, order, b);
  }

  private put(item: T, order: number, index: number): void {
    this.items[index] = item;
    this.orders[index] = order;
    item.index = index;
  }
}
