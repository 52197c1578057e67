/** Keys that were met lately: of so many at most, at least the half that was met last. In two sets, so nothing is ever sorted. */
export class RecentKeys {
  private young = new Set<string>();
  private old: ReadonlySet<string> = new Set();

  constructor(private readonly most: number) {}

  get size(): number {
    return this.young.size + this.old.size;
  }

  /** Whether it was met lately; then it is met again. */
  has(key: string): boolean {
    if (this.young.has(key)) return true;
    if (!this.old.has(key)) return false;
    this.add(key);
    return true;
  }

  add(key: string): void {
    this.young.add(key);
    if (this.young.size * 2 < this.most) return;
    this.old = this.young;
    this.young = new Set();
  }
}
