/** What is known of buckets, by policy and key: to look one up so needs no text that is made and hashed first. */
export class BucketsByPolicy<T> {
  private readonly policies = new Map<string, Map<string, T>>();
  /** Those who ask mostly ask for one policy time and again. */
  private lastPolicy = '';
  private lastKeys: Map<string, T> | undefined;

  /** `key` is the part of the bucket's name in braces. */
  get(policy: string, key: string): T | undefined {
    return this.keysOf(policy)?.get(key);
  }

  set(policy: string, key: string, value: T): void {
    let keys = this.keysOf(policy);
    if (keys === undefined) {
      keys = new Map();
      this.policies.set(policy, keys);
    }
    keys.set(key, value);
  }

  delete(policy: string, key: string): void {
    const keys = this.keysOf(policy);
    keys?.delete(key);
    if (keys?.size !== 0) return;
    this.policies.delete(policy);
    this.lastKeys = undefined;
  }

  clear(): void {
    this.policies.clear();
    this.lastKeys = undefined;
  }

  private keysOf(policy: string): Map<string, T> | undefined {
    if (this.lastKeys !== undefined && this.lastPolicy === policy) return this.lastKeys;
    const keys = this.policies.get(policy);
    this.lastPolicy = policy;
    this.lastKeys = keys;
    return keys;
  }
}

/** The parts of a bucket's name `policy:{key}`. Braces inside the policy are escaped, so the first one begins the key. Of another name: all of it. */
export function partsOf(name: string): [policy: string, key: string] {
  const brace = name.indexOf(':{');
  return brace < 0 ? [name, ''] : [name.slice(0, brace), name.slice(brace + 2, -1)];
}
