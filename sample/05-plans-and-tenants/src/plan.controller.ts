import { BadRequestException, Body, Controller, Get, Put, Req, UseGuards } from '@nestjs/common';
import { RateLimit } from 'nestjs-floodgate';
import type { Account } from './accounts.js';
import { AuthGuard } from './auth.guard.js';
import { ip } from './limits.js';
import { isPlanName, PlansRepository } from './plans.repository.js';

/** Not limited by the plan: who has used it up must still be able to buy a bigger one. */
@Controller('plan')
@RateLimit(ip)
@UseGuards(AuthGuard)
export class PlanController {
  constructor(private readonly plans: PlansRepository) {}

  @Get()
  async find(@Req() { user }: { user: Account }) {
    return { plan: await this.plans.nameOf(user.id) };
  }

  @Put()
  async change(@Req() { user }: { user: Account }, @Body() body: { plan?: unknown } | undefined) {
    const name = body?.plan;
    if (!isPlanName(name)) throw new BadRequestException('plan: write free or pro');
    await this.plans.change(user.id, name);
    return { plan: name };
  }
}
