import { Injectable } from '@nestjs/common';
import type { Limits } from 'nestjs-floodgate';

const PLANS = {
  free: { capacity: 5, rate: '5/min' },
  pro: { capacity: 20, rate: '20/min' },
} as const satisfies Record<string, Limits>;

export type PlanName = keyof typeof PLANS;

export const isPlanName = (name: unknown): name is PlanName => name === 'free' || name === 'pro';

/** Which plan a user has. Yours is a table of a database. */
@Injectable()
export class PlansRepository {
  private readonly names = new Map<string, PlanName>([['bob', 'pro']]);

  async nameOf(userId: string): Promise<PlanName> {
    return this.names.get(userId) ?? 'free';
  }

  async limitsOf(userId: string): Promise<Limits> {
    return PLANS[await this.nameOf(userId)];
  }

  async change(userId: string, plan: PlanName): Promise<void> {
    this.names.set(userId, plan);
  }
}
