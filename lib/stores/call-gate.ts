/** Where a call goes. */
export interface CallTarget {
  /** The server: `''` where there is one, on a Cluster the master that serves the key, as the client knows it. */
  readonly node: string;
  /** A key that the call is about, as the store is given it. */
  readonly key: string;
  /** Whether it decides: what is refused to other calls may well be granted to this one. */
  readonly isDecision?: boolean;
  /** Whether it is about other keys too: which of them a failure concerns is then found out by asking for each. */
  readonly isShared?: boolean;
}

/** What every call of a store passes on its way to a server. */
export interface CallGate {
  /**
   * Makes the call, or refuses to. Once it has given up, at `until` (in milliseconds of `performance.now()`) at the
   * latest, it hands what the call comes to after all to `onLate`.
   */
  call<T>(
    to: CallTarget,
    until: number | undefined,
    make: () => Promise<T>,
    onLate?: (value: T) => void,
  ): Promise<T>;
}

/** A gate that makes every call and waits for as long as the client does. */
export const openGate: CallGate = { call: (_to, _until, make) => make() };
