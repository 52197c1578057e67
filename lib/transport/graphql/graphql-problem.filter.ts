import { Catch, type ExceptionFilter } from '@nestjs/common';
import { GraphqlProblem } from './graphql-problem.js';

/** Lets a refusal of a resolver pass as it is: what no filter has caught, Nest would log as a failure of the application. */
@Catch(GraphqlProblem)
export class GraphqlProblemFilter implements ExceptionFilter {
  catch(problem: unknown): never {
    throw problem;
  }
}
