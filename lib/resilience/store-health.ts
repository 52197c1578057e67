/** A node of the store that has stopped answering, or answers again. */
export interface StoreChange {
  /** `open`: it is not asked, and decisions are made as `onStoreError` says. `closed`: it decides. */
  readonly state: 'open' | 'closed';
  /** The name of the node in a cluster; `''` where there is only one. */
  readonly node: string;
  /** Why it opened. */
  readonly reason?: string;
  /** How long it was open, where it has closed. */
  readonly openForMs?: number;
}

/** A node that is not asked at present. */
export interface OpenNode {
  readonly node: string;
  readonly reason: string;
  /** Since when, in milliseconds since 1970. */
  readonly since: number;
}

export type StoreChangeListener = (change: StoreChange) => void;

/** Whether the store of the rate limits answers. */
export class StoreHealth {
  private readonly broken = new Map<string, OpenNode>();
  private readonly listeners = new Set<StoreChangeListener>();

  /** `onListenerError` is told what a listener has thrown: the others are told all the same. */
  constructor(private readonly onListenerError: (error: unknown) => void = () => undefined) {}

  /** `open` while any node is not asked. */
  get state(): 'open' | 'closed' {
    return this.broken.size > 0 ? 'open' : 'closed';
  }

  /** The nodes that are not asked at present. */
  get openNodes(): readonly OpenNode[] {
    return [...this.broken.values()];
  }

  /** Calls a function with each change from now on. @returns what ends that */
  onChange(listener: StoreChangeListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** @internal */
  opened(node: string, reason: string): void {
    this.broken.set(node, { node, reason, since: Date.now() });
    this.tell({ state: 'open', node, reason });
  }

  /** @internal */
  closed(node: string, openForMs: number): void {
    this.broken.delete(node);
    this.tell({ state: 'closed', node, openForMs });
  }

  private tell(change: StoreChange): void {
    for (const listener of this.listeners) {
      try {
        listener(change);
      } catch (error) {
        this.onListenerError(error);
      }
    }
  }
}
