-- Schema 5: what the agent of a run left out because it was told to, so that nobody takes a share for the whole.

-- Call stacks that it took: 'none', 'kernel', 'user' or 'both'; '': it did not say.
ALTER TABLE run ADD COLUMN stacks TEXT NOT NULL DEFAULT '';
-- Of so many pages it told one; 1: of all.
ALTER TABLE run ADD COLUMN one_page_in INTEGER NOT NULL DEFAULT 1;

PRAGMA user_version = 5;
