import { Field, ObjectType } from '@nestjs/graphql';

@ObjectType()
export class Post {
  @Field()
  title: string = '';

  @Field(() => [Post])
  related: Post[] = [];
}
