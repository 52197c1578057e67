import { Module } from '@nestjs/common';
import { RateLimitModule } from 'nestjs-floodgate';
import { Accounts } from './accounts.js';
import { PlanLimits } from './limits.js';
import { PlanController } from './plan.controller.js';
import { PlansRepository } from './plans.repository.js';
import { ReportsController } from './reports.controller.js';

@Module({
  // Without REDIS_URL the buckets live in this process; with it all instances share them.
  imports: [RateLimitModule.forRoot({ redis: process.env.REDIS_URL })],
  controllers: [ReportsController, PlanController],
  providers: [Accounts, PlansRepository, PlanLimits],
})
export class AppModule {}
