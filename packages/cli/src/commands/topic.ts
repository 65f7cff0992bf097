// zhumq topic: makes, shows, changes and deletes topics.
import { noun } from '../command-tree.js';
import { alterTopic } from './topic/alter.js';
import { createTopic } from './topic/create.js';
import { deleteTopic } from './topic/delete.js';
import { describeTopic } from './topic/describe.js';
import { listTopics } from './topic/list.js';

export const topicCommand = noun('topic', 'Create, show, change and delete topics', [
  createTopic,
  listTopics,
  describeTopic,
  alterTopic,
  deleteTopic,
]);
