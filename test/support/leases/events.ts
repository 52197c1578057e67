import { setImmediate } from 'node:timers';

/** What happens in a simulated world, in the order of its time, in microseconds. */
export class Events {
  now = 0;
  private readonly queue: { time: number; run: () => void }[] = [];
  private hasPromises = false;

  at(time: number, run: () => void): void {
    const event = { time: Math.max(time, this.now), run };
    let [low, high] = [0, this.queue.length];
    // The latest first, so that the next is at the end.
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.queue[middle]!.time <= event.time) high = middle;
      else low = middle + 1;
    }
    this.queue.splice(low, 0, event);
  }

  /** Somebody goes on with a promise: that happens before the next event. */
  touch(): void {
    this.hasPromises = true;
  }

  async runUntil(end: number): Promise<void> {
    for (let next = this.queue.at(-1); next !== undefined && next.time <= end; next = this.queue.at(-1)) {
      this.queue.pop();
      this.now = next.time;
      next.run();
      while (this.hasPromises) {
        this.hasPromises = false;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    this.now = end;
  }
}
