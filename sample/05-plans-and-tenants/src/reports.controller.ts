import { Controller, Get, UseGuards } from '@nestjs/common';
import { type Decision, RateLimit, RateLimitDecision } from 'nestjs-floodgate';
import { AuthGuard } from './auth.guard.js';
import { everyone, ip, plan, tenant } from './limits.js';

@Controller('reports')
@UseGuards(AuthGuard)
export class ReportsController {
  @Get()
  @RateLimit(ip)
  @RateLimit(plan)
  @RateLimit(tenant)
  @RateLimit(everyone)
  list(@RateLimitDecision('plan') decision: Decision) {
    return { reports: ['sales', 'stock'], leftInPlan: decision.remaining };
  }
}
