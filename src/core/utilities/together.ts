/**
 * Calls that follow each other closely are one: the first is made at once, and what comes within some time after it is made as one more
 * at the end of that time. For calls of which the last one does the work of all before it.
 */
export class Together {
  private readonly lately = new Map<string, { timer: NodeJS.Timeout; again?: () => Promise<void> }>();

  constructor(private readonly milliseconds: number) {}

  /**
   * @param key tells which calls are alike
   * @param act must not fail where it is kept back: nobody waits for it then
   */
  async call(key: string, act: () => Promise<void>): Promise<void> {
    const before = this.lately.get(key);
    if (before !== undefined) {
      before.again = act;
      return;
    }
    const timer = setTimeout(() => {
      const { again } = this.lately.get(key) ?? {};
      this.lately.delete(key);
      if (again !== undefined) void this.call(key, again);
    }, this.milliseconds);
    this.lately.set(key, { timer });
    await act();
  }

  /** Makes at once what was kept back. */
  async flush(): Promise<void> {
    const kept = [...this.lately.values()];
    this.lately.clear();
    for (const { timer } of kept) clearTimeout(timer);
    await Promise.all(kept.map(async ({ again }) => again?.()));
  }
}
