-- Kernel stacks by number: the function that asked.
-- :limit rows at most
SELECT run, stack, taker FROM stack ORDER BY run, stack LIMIT :limit;
