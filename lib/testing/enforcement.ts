/** Which policies are enforced: all, none, or some of them. */
export class Enforcement {
  private all = false;
  /** Those for which the contrary is true. */
  private readonly except = new Set<string>();

  has(policy: string): boolean {
    return this.all !== this.except.has(policy);
  }

  /** No policies are all. */
  set(enforced: boolean, policies: readonly string[]): void {
    if (policies.length === 0) {
      this.all = enforced;
      this.except.clear();
    }
    for (const policy of policies) {
      if (this.all === enforced) this.except.delete(policy);
      else this.except.add(policy);
    }
  }
}
