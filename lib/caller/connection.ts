/** A connection that a caller may close. */
export interface Connection {
  /** Calls the listener when the caller has left, at once if it already has. The result stops it. */
  onGone(listener: () => void): () => void;
}

/** What is used of sockets and streams. */
export interface Emitter {
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** A connection that ends with an event of an emitter. */
export function connectionOf(emitter: Emitter, event: string, hasEnded: () => boolean): Connection {
  return {
    onGone(listener) {
      if (hasEnded()) {
        listener();
        return () => undefined;
      }
      return (watches.get(emitter) ?? new Watch(emitter, event)).add(listener);
    },
  };
}

const watches = new WeakMap<Emitter, Watch>();

/**
 * One listener on an emitter, however many want to know: a connection carries many messages at once, and Node warns of
 * more than ten.
 */
class Watch {
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly emitter: Emitter,
    private readonly event: string,
  ) {
    watches.set(emitter, this);
    emitter.on(event, this.tell);
  }

  add(listener: () => void): () => void {
    // A function of its own, so that one that is added twice is called twice.
    const call = () => listener();
    this.listeners.add(call);
    return () => {
      if (this.listeners.delete(call) && this.listeners.size === 0) this.close();
    };
  }

  private readonly tell = (): void => {
    for (const call of this.listeners) call();
  };

  private close(): void {
    watches.delete(this.emitter);
    this.emitter.off(this.event, this.tell);
  }
}
