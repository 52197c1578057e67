/** Buckets by policy and key: to look one up so needs no text that is made and hashed first. */
export class BucketsByPolicy<T> {
  private readonly policies = new Map<string, Map<string, T>>();

  /** `key` is the part of the bucket's name in braces. */
  get(policy: string, key: string): T | undefined {
    return this.policies.get(policy)?.get(key);
  }

  set(name: string, value: T): void {
    const { policy, key } = partsOf(name);
    let buckets = this.policies.get(policy);
    if (buckets === undefined) {
      buckets = new Map();
      this.policies.set(policy, buckets);
    }
    buckets.set(key, value);
  }

  delete(name: string): void {
    const { policy, key } = partsOf(name);
    const buckets = this.policies.get(policy);
    buckets?.delete(key);
    if (buckets?.size === 0) this.policies.delete(policy);
  }

  clear(): void {
    this.policies.clear();
  }
}

/** Braces inside the policy are escaped, so the first one begins the key. */
function partsOf(name: string): { policy: string; key: string } {
  const brace = name.indexOf(':{');
  return { policy: name.slice(0, brace), key: name.slice(brace + 2, -1) };
}
